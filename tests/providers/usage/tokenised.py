"""Texts of known token counts, for tests of estimates: cut into the tokens of a public vocabulary (o200k_base).

A "¦" stands between two tokens. Chinese and Japanese have characters that are several tokens; there the count alone
is given.
"""

_CUT = {
    "english": (
        "The¦ night¦ ferry¦ leaves¦ the¦ old¦ harbour¦ at¦ twenty¦ to¦ nine¦.¦ Most¦ pass"
        "engers¦ carry¦ a¦ therm¦os¦,¦ a¦ folded¦ newspaper¦ and¦ the¦ quiet¦ patience¦ o"
        "f¦ people¦ who¦ have¦ crossed¦ this¦ water¦ a¦ hundred¦ times¦.¦ When¦ the¦ wind"
        "¦ turns¦,¦ the¦ captain¦ slows¦ down¦ near¦ the¦ second¦ lighthouse¦ and¦ waits¦"
        " for¦ the¦ swell¦ to¦ settle¦ before¦ she¦ brings¦ the¦ bow¦ around¦."
    ),
    "code": (
        'def¦ total¦(rows¦:¦ list¦[¦dict¦[str¦,¦ int¦]])¦ ->¦ int¦:\n¦   ¦ """¦Return¦ the'
        '¦ sum¦ of¦ all¦ prices¦."""\n¦   ¦ result¦ =¦ ¦0¦\n¦   ¦ for¦ row¦ in¦ rows¦:\n¦   '
        '    ¦ if¦ row¦.get¦("¦is¦_paid¦",¦ True¦):\n¦           ¦ result¦ +=¦ row¦["¦pric'
        'e¦"]¦ *¦ row¦["¦count¦"]\n¦   ¦ return¦ result¦\n'
    ),
    "json": (
        '{"¦station¦":¦ "¦pier¦-¦4¦",¦ "¦level¦_cm¦":¦ ¦132¦,¦ "¦r¦ising¦":¦ true¦,¦ "¦re'
        'ad¦ings¦":¦ [{"¦at¦":¦ "¦06¦:¦00¦",¦ "¦cm¦":¦ ¦128¦},¦ {"¦at¦":¦ "¦12¦:¦00¦",¦ "'
        '¦cm¦":¦ ¦130¦},¦ {"¦at¦":¦ "¦18¦:¦00¦",¦ "¦cm¦":¦ ¦132¦}¦]}'
    ),
    "markdown": (
        "##¦ Packing¦ list¦\n\n¦-¦ **¦Boot¦s¦**,¦ two¦ pairs¦\n¦-¦ A¦ map¦ (¦scale¦ ¦1¦:¦25¦"
        ",¦000¦)\n¦-¦ `¦head¦lamp¦ --¦sp¦are¦-b¦attery¦`\n\n¦|¦ Day¦ |¦ Distance¦ |¦ As¦cent"
        "¦ |\n¦|¦ ---¦ |¦ ---¦:¦ |¦ ---¦:¦ |\n¦|¦ ¦1¦ |¦ ¦14¦ km¦ |¦ ¦620¦ m¦ |\n¦|¦ ¦2¦ |¦ "
        "¦19¦ km¦ |¦ ¦880¦ m¦ |\n"
    ),
    "german": (
        "Die¦ Fäh¦re¦ verl¦ässt¦ den¦ alten¦ Hafen¦ um¦ zw¦anz¦ig¦ vor¦ neun¦.¦ Die¦ meis"
        "ten¦ Fahr¦gä¦ste¦ haben¦ eine¦ Therm¦os¦kan¦ne¦ dabei¦ und¦ die¦ Ged¦uld¦ von¦ M"
        "enschen¦,¦ die¦ dieses¦ Gew¦ässer¦ schon¦ hundert¦mal¦ über¦qu¦ert¦ haben¦.¦ Wen"
        "n¦ der¦ Wind¦ dre¦ht¦,¦ fährt¦ die¦ Kap¦it¦än¦in¦ langs¦amer¦."
    ),
    "french": (
        "Le¦ bac¦ de¦ nuit¦ quitte¦ le¦ vieux¦ port¦ à¦ vingt¦ heures¦ qu¦arante¦.¦ La¦ p"
        "lupart¦ des¦ pass¦agers¦ em¦port¦ent¦ un¦ therm¦os¦ et¦ la¦ patience¦ tranquille"
        "¦ de¦ ceux¦ qui¦ ont¦ déjà¦ travers¦é¦ cent¦ fois¦.¦ Quand¦ le¦ vent¦ tourne¦,¦ "
        "la¦ capita¦ine¦ ralent¦it¦ près¦ du¦ deuxième¦ phare¦."
    ),
    "chinese": (
        "夜¦间¦渡¦轮¦在¦八¦点¦四¦十分¦离¦开¦旧¦港¦口¦。¦大¦多数¦乘¦客¦带¦着¦保¦温¦瓶¦、¦折¦好的¦报¦纸¦，以及¦那些¦已经¦横¦渡¦这¦片¦水"
        "¦域¦上¦百¦次¦的¦人的¦耐¦心¦。当¦风¦向¦改变¦时¦，¦船¦长¦会¦在¦第二¦座¦灯¦塔¦附近¦减¦速¦。"
    ),
    "numbers": (
        "1¦,¦ ¦1¦,¦ ¦2¦,¦ ¦3¦,¦ ¦5¦,¦ ¦8¦,¦ ¦13¦,¦ ¦21¦,¦ ¦34¦,¦ ¦55¦,¦ ¦89¦,¦ ¦144¦,¦ ¦2"
        "33¦,¦ ¦377¦,¦ ¦610¦,¦ ¦987¦,¦ ¦159¦7¦,¦ ¦258¦4¦,¦ ¦418¦1¦,¦ ¦676¦5¦,¦ ¦109¦46"
    ),
}

#: The tokens of each text, by its name.
TOKENS = {name: tuple(text.split("¦")) for name, text in _CUT.items()}

#: Texts, and how many tokens each has.
COUNTED = {name: ("".join(tokens), len(tokens)) for name, tokens in TOKENS.items()} | {
    "japanese": (
        (
            "夜のフェリーは八時四十分に古い港を出ます。乗客の多くは水筒と新聞を持ち、この海を何度も渡った人らしい落ち着きがあります。"
            "風が変わると、船長は灯台の近くで速度を落とします。"
        ),
        70,
    ),
}
