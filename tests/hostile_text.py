"""What a service may say to gain something from whoever reads it: a string of each kind, for every output."""

HOSTILE = {
    "escape sequences": "\x1b]0;title\x07\x1b[2J\x1b[31mred\x9b31m\x1b]8;;http://evil.example\x07link",
    "commands of a CI": "hello\n::error file=/etc/passwd,line=1::mine\n::stop-commands::x\n##[error]mine ##vso[task.x]",
    "a command first": "::add-mask::e",
    "commands where a line is folded": "::error::" * 60,
    "controls": "a\x00b\x01c\x7f\x85\x0b\u2028d",
    "half a surrogate pair": "lone \ud800 surrogate \udcff",
    "right to left": "abc\u202egnp.exe\u2066\u200f\u061c",
    "unseen": "\ufeffa\u200bb\u00adc\U000e0041",
    "markup": '<script>alert(1)</script><img src=x onerror="alert(2)">]]>--><svg/onload=alert(3)></code></pre>',
    "markdown": "```\n## heading\n[link](http://e.example) ![i](http://e.example/x.png) **b** `c` a|b \\| www.x.y @me",
    "markup of a terminal": "[bold red]x[/bold red] [/] [link=http://evil.example]c[/link] :warning: \\",
    "templates": "{{ 7*7 }}{% for x in [] %}${7*7}%s %(x)s {0} &amp; &#60;",
    "entities": "]]><!ENTITY x SYSTEM 'file:///etc/passwd'>&x;\ufffe\uffff\x0b",
    "long": "x" * 1_000_000 + "::",
    "spaces": "  \t\n ",
}
