/* SPDX-License-Identifier: MIT
 *
 * The style of the stats page, light and dark. Included by html_frame.c alone.
 */
#ifndef WEIR_SHM_STATS_CSS_H
#define WEIR_SHM_STATS_CSS_H

/* clang-format off */
/* Two strings: a compiler need not take more than 4095 bytes in one. */
#define SHM_RENDER_CSS_FRAME \
":root{--paper:#f6f8f9;--card:#fff;--ink:#16242c;--soft:#5d707b;--line:#e1e8ec;" \
"--tint:#f0f5f7;--accent:#0b7285;--ok:#2b8a3e;--warn:#d9820b;--bad:#c92a2a;" \
"--rise:#5c7cfa;--maint:#9c6b30;--drain:#1098ad;--none:#98a6ad}" \
"@media(prefers-color-scheme:dark){:root{--paper:#0f171b;--card:#172228;--ink:#dfe9ee;" \
"--soft:#8ea2ad;--line:#263640;--tint:#1c2a31;--accent:#66d9e8;--ok:#51cf66;" \
"--warn:#fcc419;--bad:#ff6b6b;--rise:#91a7ff;--maint:#e0a458;--drain:#3bc9db;" \
"--none:#5b6c75}}" \
"*{box-sizing:border-box}body{margin:0;padding:0 1.5rem 2rem;background:var(--paper);" \
"color:var(--ink);font:13px/1.4 system-ui,-apple-system,'Segoe UI',Roboto,sans-serif;" \
"font-variant-numeric:tabular-nums}" \
"header{display:flex;flex-wrap:wrap;align-items:baseline;gap:.3rem 1.2rem;" \
"padding:1.3rem 0 .9rem}h1{margin:0;font-size:1.6rem;letter-spacing:-.02em;" \
"color:var(--accent)}h1 small,h2 small{font-size:.75rem;font-weight:400;" \
"letter-spacing:0;color:var(--soft)}header p{margin:0;color:var(--soft);flex:1}" \
"nav a{margin-left:.4rem;padding:.25rem .7rem;border:1px solid var(--line);" \
"border-radius:1rem;background:var(--card);color:var(--accent);text-decoration:none}" \
"nav a:hover{border-color:var(--accent)}" \
".tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));" \
"gap:.7rem;margin-bottom:1.4rem}.tiles div,.proxy,.refused{background:var(--card);" \
"border:1px solid var(--line);border-radius:.6rem}.tiles div{padding:.7rem .9rem}" \
".tiles b{display:block;font-size:1.45rem;font-weight:600;letter-spacing:-.02em}" \
".tiles u{text-decoration:none;font-size:.8rem;font-weight:400;color:var(--soft);" \
"margin-left:.15rem}.tiles span{color:var(--soft);font-size:.8rem}"
#define SHM_RENDER_CSS_TABLES \
".proxy{margin-bottom:1.2rem;overflow:hidden}.proxy h2{margin:0;padding:.7rem 1rem;" \
"font-size:1.05rem}.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;" \
"white-space:nowrap}th,td{padding:.3rem .45rem;text-align:right;vertical-align:top;" \
"font-weight:400;min-width:2.5rem}th.left{text-align:left}th.wide{min-width:7rem}" \
"thead th{color:var(--soft);font-size:.75rem;padding-top:.1rem;" \
"padding-bottom:.2rem}.groups th{text-align:center;font-weight:600;" \
"background:var(--tint);border-left:1px solid var(--line);padding-top:.3rem;" \
"padding-bottom:.1rem}.groups th:first-child{border-left:0}" \
"thead tr:last-child th{background:var(--tint);border-bottom:1px solid var(--line)}" \
"th[scope=row]{text-align:left;font-weight:600;padding-left:1rem;position:sticky;" \
"left:0;background:var(--card)}" \
"tbody tr+tr>*,table>tr+tr>*{border-top:1px solid var(--line)}" \
"tr:hover>*{background:var(--tint)}" \
"tr.frontend>*,tr.backend>*,tr.frontend th[scope],tr.backend th[scope],tr:hover th[scope]" \
"{background:var(--tint)}tr.server th,tr.listener th" \
"{padding-left:1.7rem;font-weight:500}td.status,td.check{text-align:left}" \
"td small,th small{display:block;color:var(--soft);font-size:.75rem;font-weight:400}" \
".check .seen{color:var(--bad);max-width:14rem;overflow:hidden;" \
"text-overflow:ellipsis}.zero{color:var(--none)}.bad{color:var(--bad);" \
"font-weight:600}.light{--c:var(--none);color:var(--c);font-weight:600}" \
".light:before{content:'';display:inline-block;width:.6em;height:.6em;" \
"margin-right:.45em;border-radius:50%;background:var(--c)}" \
".light.up{--c:var(--ok)}.light.going-down{--c:var(--warn)}.light.down{--c:var(--bad)}" \
".light.going-up{--c:var(--rise)}.light.maint{--c:var(--maint)}" \
".light.drain{--c:var(--drain)}" \
"tr.down th{box-shadow:inset 3px 0 var(--bad)}" \
"tr.going-down.server th{box-shadow:inset 3px 0 var(--warn)}" \
".bar{display:block;height:3px;margin-top:.3rem;min-width:2.5rem;border-radius:2px;" \
"background:var(--line)}.bar b{display:block;height:100%;border-radius:2px;" \
"background:var(--accent)}.stack{display:flex;width:5rem;height:.55rem;margin-top:.4rem;" \
"border-radius:3px;overflow:hidden;gap:1px}.stack b{min-width:2px}" \
".c2{background:var(--ok)}.c3{background:var(--rise)}.c4{background:var(--warn)}" \
".c5{background:var(--bad)}.refused{border-color:var(--bad);padding:.7rem 1rem;" \
"margin-bottom:1.2rem}.refused h2{margin:0;color:var(--bad);font-size:1.05rem}" \
".refused pre{margin:.4rem 0 0;white-space:pre-wrap}" \
".said{margin-bottom:1.2rem;color:var(--ok);font-weight:600}.said.bad{color:var(--bad)}" \
".act{margin:.5rem 1rem}th input{float:right;margin:.1rem 0 0 .5rem}" \
"footer{display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;font-size:.8rem}" \
"footer .light{font-weight:400}"
/* clang-format on */

#endif
