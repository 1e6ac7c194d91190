"""Every pair of colours that meets on a page is told apart by everybody, in the light and in the dark."""

import math
import re
from collections.abc import Iterator

import pytest
from taskora.domain.tags import Color
from taskora.web.assets import FOLDER

TEXT, GRAPHIC = 4.5, 3.0
ROUNDING = 0.04
"""Screens show 8-bit colours; this is more than that can take away."""
SURFACES = ["sheet", "side", "raised", "sunken", "hover", "hover-side", "hover-up", "accent-soft"]


def _root() -> dict[str, str]:
    css = re.sub(r"/\*.*?\*/", "", (FOLDER / "tokens.css").read_text(), flags=re.DOTALL)
    block = css[css.index(":root {") :]
    return {m[1]: m[2].strip() for m in re.finditer(r"--([\w-]+):\s*([^;]+);", block[: block.index("\n}")])}


TOKENS = _root()


def _arguments(text: str) -> list[str]:
    depth, parts = 0, [""]
    for character in text:
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append("")
        else:
            parts[-1] += character
    return [part.strip() for part in parts]


def _oklch(value: str, scheme: int) -> tuple[float, float, float]:
    if value.startswith("var("):
        return _oklch(TOKENS[value[6:-1]], scheme)
    if value.startswith("light-dark("):
        return _oklch(_arguments(value[11:-1])[scheme], scheme)
    found = re.fullmatch(r"oklch\(([\d.]+) ([\d.]+) ([\d.]+)\)", value)
    assert found, value
    lightness, chroma, hue = map(float, found.groups())
    return lightness, chroma, hue


def _luminance(token: str, scheme: int) -> float:
    """Relative luminance as WCAG 2 defines it, through OKLab (Ottosson 2020) to linear sRGB."""
    lightness, chroma, hue = _oklch(TOKENS[token], scheme)
    a, b = chroma * math.cos(math.radians(hue)), chroma * math.sin(math.radians(hue))
    long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3
    middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3
    short = (lightness - 0.0894841775 * a - 1.2914855480 * b) ** 3
    red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short
    green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short
    blue = -0.0041960863 * long - 0.7034186147 * middle + 1.7076147010 * short
    red, green, blue = (min(1.0, max(0.0, part)) for part in (red, green, blue))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(foreground: str, background: str, scheme: int) -> float:
    dark, light = sorted((_luminance(foreground, scheme), _luminance(background, scheme)))
    return (light + 0.05) / (dark + 0.05)


def _pairs() -> Iterator[tuple[str, str, float]]:
    def on(foregrounds: str, backgrounds: list[str], least: float) -> Iterator[tuple[str, str, float]]:
        return ((ink, paper, least) for ink in foregrounds.split() for paper in backgrounds)

    yield from on("ink ink-2 ink-3", [*SURFACES, "danger-soft", "warn-soft"], TEXT)
    yield from on("ink", ["danger-soft-2", "press", "accent-soft-2", "mark"], TEXT)
    yield from on("accent", [*SURFACES, "accent-soft-2"], TEXT)
    yield from on("danger", ["sheet", "side", "raised", "hover", "accent-soft", "danger-soft"], TEXT)
    yield from on("warn", ["sheet", "side", "raised", "warn-soft"], TEXT)
    yield from on("on-accent", ["accent-fill", "accent-fill-press"], TEXT)
    yield from on("on-danger", ["danger-fill", "danger-fill-press"], TEXT)
    yield from on("ink-inv", ["ink"], TEXT)
    yield from on("p-low p-medium p-high p-urgent", ["sheet", "raised", "hover", "accent-soft"], TEXT)
    yield from on("line-ctl focus", SURFACES, GRAPHIC)
    yield from on("accent-fill", [surface for surface in SURFACES if surface != "hover-up"], GRAPHIC)
    tags = " ".join(f"tag-{hue}" for hue in Color)
    yield from on(tags, ["sheet", "side", "raised", "hover-side", "accent-soft"], GRAPHIC)


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_what_is_to_be_read_can_be_read(scheme: int) -> None:
    found = {(ink, paper): (contrast(ink, paper, scheme), least) for ink, paper, least in _pairs()}
    assert {pair: got for pair, got in found.items() if got[0] < got[1] + ROUNDING} == {}


def test_a_known_contrast_is_computed() -> None:
    TOKENS.update({"black": "oklch(0 0 0)", "white": "oklch(1 0 0)", "grey": "oklch(0.5999 0 0)"})
    assert contrast("black", "white", 0) == pytest.approx(21, abs=0.01)
    assert contrast("grey", "white", 0) == pytest.approx(3.95, abs=0.05)


def test_motion_ends_where_its_reader_asks_for_none() -> None:
    css = (FOLDER / "tokens.css").read_text()
    still = css[css.index("prefers-reduced-motion") :]
    assert all(f"{name}: 1ms" in still for name in ("--d-fast", "--d", "--d-slow"))
    assert "--shift: 0px" in still


def test_every_token_used_is_one_that_is_there() -> None:
    own = {"tag", "b"}  # set by the rules that use them
    for sheet in FOLDER.glob("*.css"):
        used = set(re.findall(r"var\(--([\w-]+)", sheet.read_text()))
        assert used - TOKENS.keys() - own == set(), sheet.name


def test_every_icon_asked_for_is_drawn() -> None:
    drawn = set(re.findall(r'id="([ip])-([\w]+)"', (FOLDER / "icons.svg").read_text()))
    asked = {
        ("i", name)
        for page in (FOLDER.parent / "templates").iterdir()
        for name in re.findall(r"(?:icon|iconbtn)\('([\w]+)'", page.read_text())
    }
    asked |= {
        ("i", name)
        for script in FOLDER.glob("*.js")
        for name in re.findall(r"\b(?:icon|iconButton)\('([\w]+)'", script.read_text())
    }
    assert asked - drawn == set()
