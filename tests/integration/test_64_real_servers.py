# SPDX-License-Identifier: MIT
"""Presets against the servers they are made for, as the distribution has them. A server
that is not installed is skipped; ./dev deps servers installs them all."""
import os
import pathlib
import pwd
import shutil
import subprocess

import pytest

from weirlab import wait_until

EVERY = {"check": True, "inter": "300ms", "fall": 1, "rise": 1}


def find(*names):
    for name in names:
        for folder in os.environ["PATH"].split(":") + ["/usr/sbin", "/usr/lib/postgresql/15/bin"]:
            path = os.path.join(folder, name)
            if os.access(path, os.X_OK):
                return path
    return pytest.skip(f"needs {names[0]}")


class Daemon:
    """A server in a directory of its own, as a user that it accepts."""

    def __init__(self, lab, argv, user=None, env=None):
        self.lab, self.argv, self.user, self.env = lab, argv, user, env
        self.log = open(lab.file(f"log-{len(lab.things)}", ""), "wb")
        self.process = None
        lab.things.append(self)
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.argv, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            user=self.user, group=self.user, extra_groups=[] if self.user else None,
            start_new_session=True, env={**os.environ, **(self.env or {})})

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def close(self):
        self.stop()
        self.log.close()


def folder(lab, name, user=None):
    path = pathlib.Path(lab.dir) / name
    path.mkdir()
    if user:
        for parent in (path, *path.parents):
            if parent == pathlib.Path("/tmp"):
                break
            if parent.stat().st_uid == os.getuid():
                parent.chmod(0o755)
        shutil.chown(path, user, user)
    return str(path)


def user_for(name):
    """Some servers refuse to be root."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(name).pw_name
    except KeyError:
        return pytest.skip(f"needs a user {name}")


def run(argv, user=None, **kwargs):
    done = subprocess.run(argv, user=user, group=user, extra_groups=[] if user else None,
                          stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **kwargs)
    assert done.returncode == 0, done.stderr.decode() + done.stdout.decode()


def redis(lab, port):
    return Daemon(lab, [find("redis-server"), "--port", str(port), "--bind", "127.0.0.1",
                        "--save", "", "--dir", folder(lab, "redis")])


def mariadb(lab, port):
    server, install = find("mariadbd", "mysqld"), find("mariadb-install-db", "mysql_install_db")
    user = f"--user={pwd.getpwuid(os.geteuid()).pw_name}"
    data = folder(lab, "mariadb")
    run([install, "--no-defaults", f"--datadir={data}", "--skip-test-db", user,
         "--auth-root-authentication-method=normal"])
    start = lab.file("start.sql", "CREATE USER IF NOT EXISTS 'weir'@'127.0.0.1';\n")
    return Daemon(lab, [server, "--no-defaults", user, f"--datadir={data}", f"--port={port}",
                        "--bind-address=127.0.0.1", f"--socket={data}/socket",
                        f"--init-file={start}", "--skip-name-resolve"])


def postgresql(lab, port):
    server, initdb = find("postgres"), find("initdb")
    user = user_for("postgres")
    data = folder(lab, "postgresql", user)
    run([initdb, "-D", data, "-A", "trust", "-U", "weir", "--no-sync"], user, cwd="/")
    return Daemon(lab, [server, "-D", data, "-p", str(port), "-h", "127.0.0.1", "-k", data], user)


def slapd(lab, port):
    data = folder(lab, "slapd")
    conf = lab.file("slapd.conf", "include /etc/ldap/schema/core.schema\n"
                    f'pidfile {data}/pid\nargsfile {data}/args\n'
                    "modulepath /usr/lib/ldap\nmoduleload back_mdb\n"
                    f'database mdb\nsuffix "dc=test"\ndirectory {data}\n')
    return Daemon(lab, [find("slapd"), "-h", f"ldap://127.0.0.1:{port}", "-f", conf, "-d", "0"])


def opensmtpd(lab, port):
    server = find("smtpd")
    if os.geteuid() != 0:
        pytest.skip("only root runs smtpd")
    conf = lab.file("smtpd.conf", f"listen on 127.0.0.1 port {port}\n"
                    'action "local" maildir\nmatch for local action "local"\n')
    # one of them at a time has /run/smtpd.sock: each gets a /run of its own, if that may be
    alone = ["unshare", "--mount", "sh", "-c", 'mount -t tmpfs tmpfs /run && exec "$@"', "sh"]
    may = subprocess.run([*alone, "true"], stdin=subprocess.DEVNULL, capture_output=True)
    return Daemon(lab, [*(alone if may.returncode == 0 else []), server, "-d", "-f", conf])


def tls(lab, port):
    openssl = find("openssl")
    key, cert = lab.file("key.pem", ""), lab.file("cert.pem", "")
    run([openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-subj", "/CN=test", "-days", "2", "-keyout", key, "-out", cert])
    return Daemon(lab, [openssl, "s_server", "-accept", f"127.0.0.1:{port}", "-key", key,
                        "-cert", cert, "-quiet"])


# server, check, what it says when all is well
SERVERS = {
    "redis": (redis, "redis_check", ("L7OK", "0", "Redis server is ok")),
    "mariadb": (mariadb, "mysql_check", ("L7OK", "0", None)),
    "mariadb with a user": (mariadb, {"mysql_check": {"user": "weir"}},
                            ("L7OK", "0", None)),
    "postgresql": (postgresql, {"pgsql_check": "weir"}, ("L7OK", "0", "PostgreSQL server is ok")),
    "slapd": (slapd, "ldap_check", ("L7OK", "0", "Success")),
    "opensmtpd": (opensmtpd, "smtpchk", ("L7OK", "221", None)),
    "opensmtpd with EHLO": (opensmtpd, {"smtpchk": {"hello": "EHLO", "domain": "lab.test"}},
                            ("L7OK", "221", None)),
    "openssl": (tls, "ssl_hello_chk", ("L6OK", "", "")),
}


@pytest.mark.parametrize("name", SERVERS)
def test_a_server_is_up_while_it_serves(lab, name):
    make, option, (word, code, text) = SERVERS[name]
    port = lab.port()
    daemon = make(lab, port)
    weir = lab.start({
        "defaults": {"mode": "tcp", "timeout": {"check": "5s", "connect": "5s"}},
        "frontends": {"fe": {"bind": f"127.0.0.1:{lab.port()}", "default_backend": "be"}},
        "backends": {"be": {"option": option,
                            "servers": {"s": {"address": f"127.0.0.1:{port}", **EVERY}}}}},
        nbproc=1)

    def row():
        return weir.stats()["be", "s"]

    def is_well():
        assert daemon.process.poll() is None, pathlib.Path(daemon.log.name).read_text()
        r = row()
        return (r["check_status"], r["check_code"]) == (word, code) and r["status"] == "UP" and \
            (text is None or r["last_chk"] == text)
    try:
        wait_until(is_well, 20)
    except AssertionError as error:
        raise AssertionError(str(error), row(), pathlib.Path(daemon.log.name).read_text()) from None
    made, failed = weir.counter("checks_run"), weir.stat("be", "s", "chkfail")
    wait_until(lambda: weir.counter("checks_run") >= made + 5)
    assert weir.stat("be", "s", "chkfail") == failed, "it does not mind to be asked again"
    daemon.stop()
    weir.wait_status("be", "s", "DOWN", 15)


def test_users_that_servers_do_not_know_are_told(lab):
    port = lab.port()
    daemon = mariadb(lab, port)
    weir = lab.start({
        "defaults": {"mode": "tcp", "timeout": {"check": "5s", "connect": "5s"}},
        "frontends": {"fe": {"bind": f"127.0.0.1:{lab.port()}", "default_backend": "be"}},
        "backends": {"be": {"option": {"mysql_check": {"user": "nobody"}},
                            "servers": {"s": {"address": f"127.0.0.1:{port}", **EVERY}}}}},
        nbproc=1)
    wait_until(lambda: weir.stats()["be", "s"]["check_status"] == "L7STS" or
               daemon.process.poll() is not None, 20)
    row = weir.stats()["be", "s"]
    assert row["check_code"] == "1045" and "Access denied" in row["last_chk"]
