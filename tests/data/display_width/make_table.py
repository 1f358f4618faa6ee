"""Prints the two tables of framework/base/display_width.cpp from Python's Unicode data.

Usage: make_table.py            the C++ rows
       make_table.py samples    samples.tsv: hex of a text in UTF-8, its columns
Unassigned code points between two ranges are swallowed, which keeps the tables short.
"""
import sys
import unicodedata


def width(code):
    c = chr(code)
    category = unicodedata.category(c)
    if category == "Cn":
        return None
    if category in ("Cc", "Mn", "Me", "Cf") and code != 0xAD:
        return 0
    if 0x1160 <= code <= 0x11FF or 0xD7B0 <= code <= 0xD7FF:  # Hangul vowels and finals join
        return 0
    return 2 if unicodedata.east_asian_width(c) in "WF" else 1


def ranges(wanted):
    out = []
    open_range = False
    for code in range(0x300, 0x110000):
        w = width(code)
        if w == wanted:
            if open_range:
                out[-1][1] = code
            else:
                out.append([code, code])
            open_range = True
        elif w is not None:
            open_range = False
    return out


def table():
    for name, wanted in (("kZeroWidth", 0), ("kWide", 2)):
        cells = [f"{{0x{a:04X}, 0x{b:04X}}}" for a, b in ranges(wanted)]
        print(f"constexpr Range {name}[] = {{")
        for i in range(0, len(cells), 5):
            print("    " + ", ".join(cells[i:i + 5]) + ",")
        print("};\n")


def samples():
    texts = ["", "loss", "é", "e\u0301", "損失", "ｆｕｌｌ", "한국어", "\u1112\u1161\u11ab", "🙂", "ↄ", "—", "█▏",
             "Ω≈ç", "ก็", "สวัสดี", "नमस्ते", "שָׁלוֹם", "\u200b", "a\u200db", "\u2014\u3000", "﷽", "\U000e0100"]
    texts += [chr(c) for a, b in ranges(0)[:400:7] + ranges(2)[::7] for c in (a, b)]
    texts += [chr(c) for c in range(0x300, 0x30000, 97)
              if width(c) is not None and not 0xD800 <= c < 0xE000]
    for text in texts:
        print(text.encode().hex() + "\t" + str(sum(width(ord(c)) for c in text)))


samples() if "samples" in sys.argv else table()
