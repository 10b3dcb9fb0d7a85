/* SPDX-License-Identifier: MIT
 *
 * Signals, mail and the end of the master as events. Every child process.
 */
#include "lib/net/orders.h"

#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/base/must.h"

static void
signals_ready(struct net_watch *w, uint32_t events)
{
	struct net_orders *o = list_entry(w, struct net_orders, signals);
	struct signalfd_siginfo info;
	(void)events;
	while (read(w->fd, &info, sizeof(info)) == sizeof(info))
		o->told((int)info.ssi_signo);
}

static void
mail_ready(struct net_watch *w, uint32_t events)
{
	eventfd_t value;
	(void)events;
	(void)eventfd_read(w->fd, &value);
	list_entry(w, struct net_orders, mail)->mailed();
}

static void
master_ready(struct net_watch *w, uint32_t events)
{
	(void)events;
	list_entry(w, struct net_orders, master)->orphaned();
}

static int
signals_open(void)
{
	static const int read_here[] = {SIGTERM, SIGINT, SIGUSR1};
	static const int ignored[] = {SIGPIPE, SIGHUP, SIGUSR2};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(read_here) / sizeof(*read_here); i++)
		sigaddset(&set, read_here[i]);
	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		must(signal(ignored[i], SIG_IGN) != SIG_ERR);
	must(sigprocmask(SIG_BLOCK, &set, NULL) == 0);
	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

void
net_orders_init(struct net_orders *o, struct net_loop *l, const struct net_inherit *in)
{
	int fd = signals_open();
	must(fd >= 0);
	net_watch_init(&o->signals, fd, signals_ready);
	net_watch_set(l, &o->signals, EPOLLIN);
	net_watch_init(&o->mail, in->slot_eventfds[in->slot], mail_ready);
	net_watch_set(l, &o->mail, EPOLLIN);
	net_watch_init(&o->master, in->master_pidfd, master_ready);
	if (in->master_pidfd >= 0)
		net_watch_set(l, &o->master, EPOLLIN);
}
