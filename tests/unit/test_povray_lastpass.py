from __future__ import annotations

import pytest

from mpirender.renderers.povray.lastpass import stub_of

CAMERA = "camera { location z look_at 0 }\n"
BARE = "sphere { 0, 1 }"


def stub(gamma: str = "", version: str = "") -> str:
    first = f"#version {version};\n" if version else ""
    settings = f"assumed_gamma {gamma}" if gamma else ""
    return f"{first}global_settings {{ {settings} }}\n{CAMERA}"


# scene → gamma and version of its stub
KNOWN = [
    (BARE, "", ""),
    ("#version 3.7; global_settings { assumed_gamma 1.0 }", "1.0", "3.7"),
    ("#version 3.6\nglobal_settings { assumed_gamma 2.2 }", "2.2", "3.6"),
    ("\n\n  # version 3.5 ;\n global_settings{assumed_gamma 1}", "1", "3.5"),
    ("global_settings { assumed_gamma 1.5 }", "1.5", ""),
    ("global_settings { assumed_gamma .45 }", ".45", ""),
    ("global_settings { assumed_gamma 22e-1 }", "22e-1", ""),
    ("global_settings { assumed_gamma srgb }", "srgb", ""),
    ("global_settings { assumed_gamma 1/2.2 }", "1/2.2", ""),
    ("global_settings { assumed_gamma 1 / 2.2 radiosity {} }", "1 / 2.2", ""),
    ("// a scene\n/* of\n mine */ #version 3.7;\n" + BARE, "", "3.7"),
    ("// assumed_gamma 2.2\nglobal_settings { assumed_gamma 1 }", "1", ""),
    ("/* assumed_gamma 2.2 */ global_settings { /**/ assumed_gamma /**/ 1 }", "1", ""),
    ("global_settings { assumed_gamma 1 } // #version 3.6;", "1", ""),
    ('#version 3.7;\n#include "colors.inc"\nglobal_settings { assumed_gamma 1 }', "1", "3.7"),
    ("global_settings { assumed_gamma 1 } global_settings { assumed_gamma 1 }", "1", ""),
]

UNKNOWN = {
    "nothing at all": "",
    "a name": "#declare G = 1.8; global_settings { assumed_gamma G }",
    "a negative number": "global_settings { assumed_gamma -1 }",
    "a function": "global_settings { assumed_gamma max(1, 2) }",
    "brackets": "global_settings { assumed_gamma (2.2) }",
    "nothing behind it": "global_settings { assumed_gamma }",
    "two gammas": "global_settings { assumed_gamma 1 } global_settings { assumed_gamma 2.2 }",
    "a condition": "#if (A) global_settings { assumed_gamma 1 } #else\n"
    "global_settings { assumed_gamma srgb } #end",
    "a version that comes later": BARE + "\n#version 3.7;",
    "two versions": "#version 3.5; #version 3.7;" + BARE,
    "a version that is a name": "#version unofficial patch 3.7;" + BARE,
    "a version that is put back": '#version 3.7;\n#include "a.inc"\n#version V;' + BARE,
}


@pytest.mark.parametrize(("scene", "gamma", "version"), KNOWN)
def test_a_stub_has_version_and_gamma_of_its_scene(scene: str, gamma: str, version: str) -> None:
    assert stub_of(scene) == stub(gamma, version)


@pytest.mark.parametrize("scene", UNKNOWN.values(), ids=list(UNKNOWN))
def test_there_is_no_stub_where_the_gamma_cannot_be_told(scene: str) -> None:
    assert stub_of(scene) == ""


# a wrong stub costs a pass, and never a picture: its pixels are compared
@pytest.mark.parametrize("expression", ["2.2*1.0", "1 + 1", "1.0/2.2/2", "2 * G"])
def test_an_expression_is_not_taken_for_its_first_number(expression: str) -> None:
    assert stub_of(f"global_settings {{ assumed_gamma {expression} }}") == ""
