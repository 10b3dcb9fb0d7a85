/* SPDX-License-Identifier: MIT
 *
 * The snapshot as CSV, JSON, table, page, and the lines about the whole.
 */
#include "tests/unit/shm/stat_fixture.h"

/* management.txt 9.1, fields 0 to 99, and what HAProxy 2.6 appends. */
static const char header[] =
	"# "
	"pxname,svname,qcur,qmax,scur,smax,slim,stot,bin,bout,dreq,dresp,ereq,econ,eresp,"
	"wretr,wredis,status,weight,act,bck,chkfail,chkdown,lastchg,downtime,qlimit,pid,"
	"iid,sid,throttle,lbtot,tracked,type,rate,rate_lim,rate_max,check_status,"
	"check_code,check_duration,hrsp_1xx,hrsp_2xx,hrsp_3xx,hrsp_4xx,hrsp_5xx,"
	"hrsp_other,hanafail,req_rate,req_rate_max,req_tot,cli_abrt,srv_abrt,comp_in,"
	"comp_out,comp_byp,comp_rsp,lastsess,last_chk,last_agt,qtime,ctime,rtime,ttime,"
	"agent_status,agent_code,agent_duration,check_desc,agent_desc,check_rise,"
	"check_fall,check_health,agent_rise,agent_fall,agent_health,addr,cookie,mode,"
	"algo,"
	"conn_rate,conn_rate_max,conn_tot,intercepted,dcon,dses,wrew,connect,reuse,"
	"cache_lookups,cache_hits,srv_icur,src_ilim,qtime_max,ctime_max,rtime_max,"
	"ttime_max,eint,idle_conn_cur,safe_conn_cur,used_conn_cur,need_conn_est,uweight,"
	"agg_server_status,agg_server_check_status,agg_check_status,-,";

static struct fixture f;
static struct shm_text text;

static int
make(void **state)
{
	(void)state;
	stat_create(&f);
	stat_states(&f);
	return 0;
}

static int
drop(void **state)
{
	(void)state;
	shm_text_fini(&text);
	fixture_remove(&f);
	return 0;
}

static bool
has(const char *piece)
{
	return strstr(text.bytes, piece) != NULL;
}

static size_t
count(const char *s, char c)
{
	size_t n = 0;
	for (; *s; s++)
		n += *s == c;
	return n;
}

static void
csv_has_haproxys_columns_in_every_line(void **state)
{
	const struct shm_stat_opts o = {0};
	size_t lines = 0, commas;
	(void)state;
	shm_render_csv(f.shm, &o, &text);
	assert_memory_equal(text.bytes, header, sizeof(header) - 1);
	char *line = strtok(text.bytes, "\n");
	commas = count(line, ',');
	for (; line; line = strtok(NULL, "\n"), lines++)
		assert_int_equal(count(line, ','), commas);
	assert_int_equal(lines, 10);
}

static void
csv_rows_are_laid_out_like_haproxys(void **state)
{
	const struct shm_stat_opts o = {.proxy = "app"};
	(void)state;
	shm_render_csv(f.shm, &o, &text);
	assert_true(has("\napp,a,0,0,0,0,,0,0,0,,0,,0,0,0,0,UP,10,1,0,0,"));
	assert_true(has("\napp,b,0,0,0,0,,0,0,0,,0,,0,0,0,0,DOWN,20,1,0,0,"));
	assert_true(has(",L4CON,,7,0,0,0,0,0,0,,,,0,0,0,"));
	assert_true(has("\napp,spare,0,0,0,0,,0,0,0,,0,,0,0,0,0,no check,5,0,1,,,"));
}

static void
json_has_one_object_per_row_and_no_empty_fields(void **state)
{
	const struct shm_stat_opts o = {.proxy = "web"};
	(void)state;
	shm_render_json(f.shm, &o, &text);
	assert_memory_equal(text.bytes,
			    "[\n {\"pxname\":\"web\",\"svname\":\"FRONTEND\",", 39);
	assert_true(has("\"scur\":0,\"smax\":0,\"slim\":100,"));
	assert_true(has("\"status\":\"OPEN\""));
	assert_false(has("qcur"));
	assert_false(has("separator"));
	assert_string_equal(text.bytes + text.n - 4, "}\n]\n");
}

static void
no_rows_are_still_valid_json(void **state)
{
	const struct shm_stat_opts o = {.proxy = "nobody"};
	(void)state;
	shm_render_json(f.shm, &o, &text);
	assert_string_equal(text.bytes, "[\n]\n");
}

static void
table_columns_are_aligned_and_cut_to_the_terminal(void **state)
{
	struct shm_table_opts o = {0};
	struct shm_stat st;
	(void)state;
	assert_int_equal(shm_stat_take(f.shm, NULL, &st), 0);
	shm_render_table(&st, &o, &text);
	assert_memory_equal(text.bytes, "NAME", 4);
	assert_true(has("\napp/b"));
	assert_true(has("server (b)"));
	assert_true(has("L7OK/200 7ms"));
	size_t at = strstr(text.bytes, "STATUS") - text.bytes;
	char *line = strstr(text.bytes, "app/a") + at;
	assert_memory_equal(line, "UP", 2);
	shm_text_clear(&text);
	o.width = 60;
	shm_render_table(&st, &o, &text);
	for (line = strtok(text.bytes, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 60);
	shm_stat_fini(&st);
}

static void
rates_between_two_looks_are_exact(void **state)
{
	struct shm_object web = fixture_object(&f, SHM_FRONTEND, "", "web");
	struct shm_stat before, now;
	(void)state;
	assert_int_equal(shm_stat_take(f.shm, NULL, &before), 0);
	shm_count(&web, SHM_FRONTEND_stot, 500);
	shm_count(&web, SHM_FRONTEND_req_tot, 1000);
	shm_count(&web, SHM_FRONTEND_bout, 4096 * 1024);
	assert_int_equal(shm_stat_take(f.shm, NULL, &now), 0);
	now.boot_ms = before.boot_ms + 2000;
	const struct shm_table_opts o = {.before = &before};
	shm_render_table(&now, &o, &text);
	char *line = strstr(text.bytes, "\nweb ");
	char numbers[256];
	size_t n = 0;
	/* the same with single spaces */
	for (char *p = line + 1; *p != '\n' && n < sizeof(numbers) - 1; p++)
		if (*p != ' ' || p[1] != ' ')
			numbers[n++] = *p;
	numbers[n] = '\0';
	assert_non_null(strstr(numbers, "web frontend OPEN 250 0 0 100 500 500 1000 0 "
					"2.0M 0 4.0M 0 0"));
	shm_stat_fini(&before);
	shm_stat_fini(&now);
}

static void
the_page_is_whole_and_escaped(void **state)
{
	struct shm_html_opts o = {.uri = "/a\"><script>", .refresh_ms = 2500};
	(void)state;
	stat_check(&f, "b", "L7RSP", 0, 0, "Bad: <img src=x onerror=alert(1)>");
	shm_render_html(f.shm, &o, &text);
	assert_memory_equal(text.bytes, "<!DOCTYPE html>", 15);
	assert_string_equal(text.bytes + text.n - 15, "</body></html>\n");
	assert_true(has("<meta http-equiv=refresh content=3>"));
	assert_true(has("1.0-test"));
	assert_true(has("/a&quot;&gt;&lt;script&gt;;csv"));
	assert_true(has("&lt;img src=x onerror=alert(1)&gt;"));
	assert_false(has("<script"));
	assert_false(has("<img"));
	assert_true(has("<h2 id=\"app\">"));
	assert_true(has("light maint\">MAINT"));
	assert_false(text.failed);
}

static void
the_page_hides_its_version_and_stays_when_asked(void **state)
{
	const struct shm_html_opts o = {.uri = "/", .hide_version = true};
	(void)state;
	shm_render_html(f.shm, &o, &text);
	assert_false(has("1.0-test"));
	assert_false(has("http-equiv=refresh"));
}

static void
the_page_shows_why_a_reload_was_refused(void **state)
{
	const struct shm_html_opts o = {.uri = "/"};
	(void)state;
	shm_reload_result(f.shm, false, "a.yaml:1:2: <bad>\nb.yaml:3:4: worse");
	shm_render_html(f.shm, &o, &text);
	assert_true(has("a.yaml:1:2: &lt;bad&gt;\nb.yaml:3:4: worse\n</pre>"));
	shm_text_clear(&text);
	shm_reload_result(f.shm, true, "");
	shm_render_html(f.shm, &o, &text);
	assert_false(has("refused</h2>"));
}

static void
info_is_lines_or_one_object(void **state)
{
	(void)state;
	shm_render_info(f.shm, SHM_INFO_LINES, &text);
	assert_memory_equal(text.bytes, "Name: weir\nVersion: 1.0-test\nRunning: 1\n",
			    40);
	assert_true(has("\nMaxconn: 1000\n"));
	assert_true(has("\nLast_reload: never\n"));
	shm_text_clear(&text);
	shm_render_info(f.shm, SHM_INFO_JSON, &text);
	assert_memory_equal(text.bytes, "{\n \"Name\": \"weir\",\n", 19);
	assert_string_equal(text.bytes + text.n - 3, "\n}\n");
}

int
main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, make, drop)
	const struct CMUnitTest tests[] = {
		T(csv_has_haproxys_columns_in_every_line),
		T(csv_rows_are_laid_out_like_haproxys),
		T(json_has_one_object_per_row_and_no_empty_fields),
		T(no_rows_are_still_valid_json),
		T(table_columns_are_aligned_and_cut_to_the_terminal),
		T(rates_between_two_looks_are_exact),
		T(the_page_is_whole_and_escaped),
		T(the_page_hides_its_version_and_stays_when_asked),
		T(the_page_shows_why_a_reload_was_refused),
		T(info_is_lines_or_one_object),
	};
#undef T
	return cmocka_run_group_tests(tests, NULL, NULL);
}
