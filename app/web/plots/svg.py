"""The smallest SVG writer that can be safe: every attribute and text is escaped here."""

from collections.abc import Sequence

from markupsafe import Markup, escape

from app.web.plots.scales import Frame, short_number, thin

_LETTER = 7.0


def tag(name: str, *children: str | Markup, **attributes: str | float | None) -> Markup:
    """One element; `class_` writes `class`, `aria_label` writes `aria-label`, None is left out."""
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), _text(value))
        for key, value in attributes.items()
        if value is not None
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, inner)


def drawing(frame: Frame, plot_id: str, title: str, desc: str, *children: Markup) -> Markup:
    """One `<svg>` with accessible name and description. `plot_id` is unique on its page."""
    own = f"{plot_id}-{frame.name}"
    return tag(
        "svg",
        tag("title", title, id=f"{own}-t"),
        tag("desc", desc, id=f"{own}-d"),
        *children,
        class_=f"plot plot-{frame.name} {frame.kind}".rstrip(),
        viewBox=f"0 0 {_text(frame.width)} {_text(frame.height)}",
        role="img",
        aria_labelledby=f"{own}-t",
        aria_describedby=f"{own}-d",
        data_left=round(frame.left / frame.width, 4),
        data_right=round(1 - frame.right / frame.width, 4),
    )


def y_axis(frame: Frame, ticks: Sequence[float], unit: str) -> Markup:
    """Grid lines with their values at the left, and above them what they count."""
    low, high = ticks[0], ticks[-1]
    parts: list[Markup] = []
    if unit:
        parts.append(tag("text", unit, class_="plot-unit", x=0, y=12))
    for value in ticks:
        y = frame.y(value, low, high)
        kind = "plot-floor" if value == low else "plot-grid"
        line = f"M{_text(frame.left)} {_text(y)}H{_text(frame.width - frame.right)}"
        parts.append(tag("path", class_=kind, d=line))
        text = short_number(value)
        parts.append(tag("text", text, class_="plot-num", x=frame.left - 8, y=y + 4))
    return Markup("").join(parts)


def x_labels(frame: Frame, labels: Sequence[tuple[float, str]]) -> Markup:
    """Texts below the floor, centred on their place but kept inside the drawing; as many as fit."""
    widest = max((_LETTER * len(label) for _, label in labels), default=0.0)
    places = [
        min(max(x, _LETTER * len(label) / 2), frame.width - _LETTER * len(label) / 2)
        for x, label in labels
    ]
    return Markup("").join(
        tag("text", labels[i][1], class_="plot-lab", x=places[i], y=frame.height - 8)
        for i in thin(places, max(frame.tick_space, widest + 8))
    )


def _text(value: str | float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
