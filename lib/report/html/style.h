// How a page looks: on a screen, in the dark, and on paper.
#pragma once

#include <string_view>

namespace hib::report {

inline constexpr std::string_view kPageStyle = R"css(
:root { color-scheme: light dark;
  --page: #f6f7f9; --card: #ffffff; --ink: #1b1f24; --soft: #5b6470; --line: #dfe3e8; --code: #eef1f5;
  --good: #1a7f4b; --warn: #9a6200; --bad: #c2282d; --calm: #5b6470; --mark: #fff1d6;
  --k0: #4477aa; --k1: #228833; --k2: #aa7a00; --k3: #8a4fa3; --k4: #1b8a9e; --k5: #b4557a;
  --k6: #6b7d2f; --k7: #a0522d; --k8: #5566cc; --k9: #2f7d6b; --k10: #97609f; --k11: #7a7a7a; --none: #e6e9ed;
  --zero: #a8c8e4; --absent: #c3b9a6; }
@media (prefers-color-scheme: dark) { :root {
  --page: #14171b; --card: #1d2126; --ink: #e6e9ed; --soft: #9aa4b0; --line: #343a42; --code: #272d34;
  --good: #4cc38a; --warn: #e3a64a; --bad: #ff6b6b; --calm: #9aa4b0; --mark: #3d3119;
  --k0: #6fa3d8; --k1: #5cbf6b; --k2: #d9a93a; --k3: #bb86d6; --k4: #4fb9cc; --k5: #df86a8;
  --k6: #a3b65a; --k7: #d08a63; --k8: #8c9bf0; --k9: #5fb39f; --k10: #c79acf; --k11: #a8a8a8; --none: #2b3038;
  --zero: #3b5a76; --absent: #6e6553; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
main { max-width: 1080px; margin: 0 auto; padding: 24px 20px 48px; }
header, section { background: var(--card); border: 1px solid var(--line); border-radius: 10px;
  padding: 18px 22px; margin: 0 0 16px; }
header { border-left: 6px solid var(--calm); }
header.good { border-left-color: var(--good); } header.warn { border-left-color: var(--warn); }
header.bad { border-left-color: var(--bad); }
h1 { font-size: 23px; line-height: 1.3; margin: 4px 0 6px; overflow-wrap: anywhere; }
h2 { font-size: 13px; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); margin: 0 0 10px; }
h3 { font-size: 15px; margin: 14px 0 4px; }
p { margin: 4px 0 8px; overflow-wrap: anywhere; }
ul { margin: 4px 0 8px; padding-left: 20px; } li { margin: 3px 0; overflow-wrap: anywhere; }
.soft { color: var(--soft); } .small { font-size: 13px; }
.chip { display: inline-block; border: 1px solid currentColor; border-radius: 999px; padding: 1px 10px;
  font-size: 13px; font-weight: 600; margin-right: 8px; white-space: nowrap; }
.good > .chip, .chip.good { color: var(--good); } .chip.warn { color: var(--warn); } .chip.bad { color: var(--bad); }
.chip.calm { color: var(--calm); }
.next { margin-top: 12px; padding-top: 12px; border-top: 1px solid var(--line); }
.next b { margin-right: 6px; }
code { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; background: var(--code); border-radius: 5px;
  padding: 1px 6px; overflow-wrap: anywhere; }
code.command { display: block; padding: 7px 12px; margin: 5px 0 8px; white-space: pre-wrap; }
blockquote { margin: 6px 0 8px; padding: 2px 0 2px 12px; border-left: 3px solid var(--line); }
blockquote code { background: none; padding: 0; }
table { border-collapse: collapse; width: 100%; font-size: 13px; }
th { text-align: left; color: var(--soft); font-weight: 600; }
th, td { padding: 3px 10px 3px 0; vertical-align: top; border-bottom: 1px solid var(--line); overflow-wrap: break-word; }
td.time { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.line { overflow-wrap: anywhere; font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
td.number, th.number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
tr.boot th { padding: 12px 0 4px 10px; border-left: 4px solid; }
tr.entry td:first-child { border-left: 4px solid; padding-left: 10px; }
tr.shown td { background: var(--mark); }
svg { display: block; width: 100%; min-width: 620px; height: auto; margin: 4px 0 10px; }
svg text { fill: var(--soft); font: 12px system-ui, sans-serif; }
svg text.address { font: 11px ui-monospace, "DejaVu Sans Mono", monospace; text-anchor: end; }
svg .axis { stroke: var(--line); stroke-width: 1; }
svg .frame { fill: none; stroke: var(--soft); stroke-width: 1; }
svg .damage { stroke: var(--bad); stroke-width: 2; } svg .wedge { fill: var(--bad); }
svg .ring { fill: none; stroke: var(--bad); stroke-width: 2; }
.swatch { display: inline-block; width: 11px; height: 11px; border-radius: 3px; margin-right: 8px;
  vertical-align: -1px; }
.k0 { color: var(--k0); } .k1 { color: var(--k1); } .k2 { color: var(--k2); } .k3 { color: var(--k3); }
.k4 { color: var(--k4); } .k5 { color: var(--k5); } .k6 { color: var(--k6); } .k7 { color: var(--k7); }
.k8 { color: var(--k8); } .k9 { color: var(--k9); } .k10 { color: var(--k10); } .k11 { color: var(--k11); }
.alarm { color: var(--bad); } .zero { color: var(--zero); } .absent { color: var(--absent); }
.none { color: var(--none); } .paint.calm, .swatch.calm { color: var(--zero); } .paint { fill: currentColor; } .swatch { background: currentColor; }
tr.boot th, tr.entry td:first-child { border-left-color: currentColor; } tr.boot th b { color: var(--ink); }
tr.entry td:first-child span { color: var(--soft); }
.facts th { width: 1%; white-space: nowrap; padding-right: 22px; } .facts td { overflow-wrap: anywhere; }
.finding { margin: 8px 0 0; }
td.branch { font: 12.5px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; min-width: 150px; max-width: 260px;
  overflow-wrap: anywhere; }
td.what { min-width: 220px; }
td.branch::before { color: var(--soft); content: "└ "; } td.d0::before { content: ""; }
.d1 { padding-left: 4px; } .d2 { padding-left: 20px; } .d3 { padding-left: 36px; } .d4 { padding-left: 52px; }
.d5 { padding-left: 68px; } .d6 { padding-left: 84px; } .d7 { padding-left: 100px; } .d8 { padding-left: 116px; }
.d9 { padding-left: 132px; } div.key { font-size: 12px; color: var(--soft); overflow-wrap: anywhere; }
details { margin: 4px 0; } summary { cursor: pointer; }
.log { font: 12px/1.45 ui-monospace, "DejaVu Sans Mono", monospace; white-space: pre-wrap; overflow-wrap: anywhere; }
.h1 { background: rgb(68 119 170 / .06); } .h2 { background: rgb(68 119 170 / .12); } .h3 { background: rgb(68 119 170 / .18); }
.h4 { background: rgb(68 119 170 / .24); } .h5 { background: rgb(68 119 170 / .3); } .h6 { background: rgb(68 119 170 / .36); }
.h7 { background: rgb(68 119 170 / .42); } .h8 { background: rgb(68 119 170 / .48); } .h9 { background: rgb(68 119 170 / .54); }
.h10 { background: rgb(68 119 170 / .6); }
.scroll { overflow-x: auto; } td.short { white-space: nowrap; }
footer { color: var(--soft); font-size: 13px; padding: 0 4px; }
@media print {
  :root { --page: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --code: #f2f2f2; --mark: #eee;
    --good: #1a7f4b; --warn: #9a6200; --bad: #c2282d; --none: #ddd; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  body { font-size: 11pt; } main { max-width: none; padding: 0; }
  header, section { border-radius: 0; padding: 8pt 10pt; margin-bottom: 8pt; }
  h2, h3, tr.boot { break-after: avoid; } tr, li, blockquote, svg { break-inside: avoid; }
  svg { min-width: 0; } }
)css";

}  // namespace hib::report
