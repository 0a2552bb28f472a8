"""Pages: one style, and pictures that keep their place."""

import io
import re
from base64 import b64decode

from PIL import Image

from gansmith.page import page, picture


def test_a_page_is_readable_on_a_phone_and_at_night_and_escapes_its_title():
    text = page("a < b", "<p>it is</p>", style="p { margin: 0; }")
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text  # or phones show it tiny
    assert "prefers-color-scheme: dark" in text
    assert "<title>a &lt; b</title>" in text
    assert text.index("p { margin: 0; }") < text.index("</style>")
    assert text.endswith("<body><p>it is</p></body></html>\n")


def test_a_picture_is_inside_the_page_says_what_it_shows_and_keeps_its_shape():
    out = io.BytesIO()
    Image.new("L", (300, 200)).save(out, "PNG")
    text = picture(out.getvalue(), alt='real & "made"', width=120)
    assert b64decode(re.search('base64,([^"]+)', text)[1]) == out.getvalue()
    assert text.endswith(' alt="real &amp; &quot;made&quot;" width="120" height="80">')  # 120 · 200/300
