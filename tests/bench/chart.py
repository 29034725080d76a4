#!/usr/bin/env python3
"""The picture of a benchmark: for each workload the ratios to the server it is compared with,
and how the cost of a request grows.

    chart.py RESULTS.json PICTURE.svg
"""
import json
import sys
from xml.sax.saxutils import escape

WIDTH, BAR, LEFT, SCALE = 720, 16, 190, 220


def rows_of(results, titles):
    """(None, heading) or (ratio, name) in the order of the picture."""
    for case, result in results.items():
        if case.startswith("W9/"):
            yield None, f"{case}: weir's processor time a request, as a ratio"
            for name, r in result.items():
                yield r["cpu_ratio"], f"{name} {case[3:]}"
            continue
        rated = {n: r["ratio"] for n, r in result.items() if "ratio" in r and "rate" in r}
        if len(rated) < 2:
            continue
        yield None, f"{case}: {titles[case]}; requests a second, as a ratio"
        for name, ratio in sorted(rated.items(), key=lambda item: -item[1]):
            yield ratio, name


def picture(record, path):
    y, lines = 10, []
    for ratio, text in rows_of(record["results"], record["titles"]):
        if ratio is None:
            y += 14
            lines.append(f'<text x="8" y="{y}" font-weight="bold">{escape(text)}</text>')
            y += 8
            continue
        width = min(ratio, 2) * SCALE
        color = "#1f8f5f" if text.startswith("weir") or text[0].isdigit() else "#9aa7b3"
        lines.append(f'<text x="{LEFT - 8}" y="{y + 12}" text-anchor="end">{escape(text)}</text>'
                     f'<rect x="{LEFT}" y="{y}" width="{width:.0f}" height="{BAR - 3}" '
                     f'fill="{color}"/>'
                     f'<text x="{LEFT + 6 + width:.0f}" y="{y + 12}">{ratio:.2f}</text>')
        y += BAR
    y += 10
    with open(path, "w", encoding="utf-8") as f:
        f.write(f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{y}" '
                'font-family="sans-serif" font-size="12">\n'
                f'<rect width="{WIDTH}" height="{y}" fill="#ffffff"/>\n'
                + "\n".join(lines) + "\n</svg>\n")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    with open(sys.argv[1], encoding="utf-8") as record:
        picture(json.load(record), sys.argv[2])
