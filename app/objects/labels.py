"""The label that goes with an object: a QR code of its claim link, and the code in letters."""

import io
from xml.sax.saxutils import escape, quoteattr

import segno

_SCALE, _BORDER, _TEXT_WIDTH = 4, 4, 250


def label_svg(link: str, code: str, product_name: str) -> str:
    """A label as one SVG, black on white, that any printer takes."""
    product_name = "".join(c for c in product_name if c.isprintable())
    qr = segno.make(link, error="m", micro=False)
    side = qr.symbol_size(scale=_SCALE, border=_BORDER)[0]
    drawing = io.BytesIO()
    qr.save(
        drawing,
        kind="svg",
        scale=_SCALE,
        border=_BORDER,
        xmldecl=False,
        svgns=False,
        nl=False,
        omitsize=False,
    )
    groups = code.split("-")
    lines = [" ".join(groups[i : i + 2]) for i in range(0, len(groups), 2)]
    texts = "".join(
        f'<text x="{side + 8}" y="{60 + 24 * n}" font-family="monospace" font-size="18">'
        f"{escape(line)}</text>"
        for n, line in enumerate(lines)
    )
    name = product_name if len(product_name) <= 28 else f"{product_name[:27]}…"
    width, height = side + _TEXT_WIDTH, max(side, 60 + 24 * len(lines))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" aria-label={quoteattr(f"Claim label of {product_name}")}>'
        f"<title>{escape(f'Claim label of {product_name}')}</title>"
        f'<rect width="{width}" height="{height}" fill="#fff"/>{drawing.getvalue().decode()}'
        f'<text x="{side + 8}" y="28" font-family="sans-serif" font-size="15">{escape(name)}</text>'
        f"{texts}</svg>"
    )
