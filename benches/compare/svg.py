"""As much of SVG as the charts need."""

from xml.sax.saxutils import escape

FONT = "Helvetica, Arial, sans-serif"
INK = "#333333"


class Drawing:
    """Shapes on a white ground, in the order in which they are drawn."""

    def __init__(self, width, height):
        self.width, self.height, self.shapes = width, height, []
        self.box(0, 0, width, height, "#ffffff")

    def line(self, x1, y1, x2, y2, colour, width=1.0):
        self.shapes.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'
        )

    def path(self, points, colour, width, dashes=""):
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
        self.shapes.append(f'<polyline points="{at}" fill="none" stroke="{colour}" stroke-width="{width}"{dashed}/>')
        for x, y in points:
            self.shapes.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{width * 1.2:.1f}" fill="{colour}"/>')

    def dot(self, x, y, colour, filled):
        fill = colour if filled else "#ffffff"
        self.shapes.append(
            f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{fill}" stroke="{colour}" stroke-width="2"/>'
        )

    def box(self, x, y, width, height, colour):
        self.shapes.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}"/>'
        )

    def text_at(self, x, y, text, anchor="start", colour=INK, size=13, bold=False):
        weight = ' font-weight="bold"' if bold else ""
        self.shapes.append(
            f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}" font-size="{size}"{weight}>'
            f"{escape(text)}</text>"
        )

    def heading(self, text, note):
        self.text_at(20, 30, text, size=18, bold=True)
        self.text_at(20, 50, note, size=12)

    def text(self):
        head = (
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
            f'viewBox="0 0 {self.width} {self.height}" font-family="{FONT}">'
        )
        return "\n".join([head, *self.shapes, "</svg>"]) + "\n"


def spread_out(places, gap, low, high):
    """Places as near to the given ones as can be, with a gap between any two, within low and high."""
    order = sorted(range(len(places)), key=places.__getitem__)
    result = list(places)
    for earlier, later in zip(order, order[1:]):
        result[later] = max(result[later], result[earlier] + gap)
    limit = high
    for i in reversed(order):
        result[i] = max(min(result[i], limit), low)
        limit = result[i] - gap
    return result
