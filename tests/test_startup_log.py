"""Quiet: no greeting of TensorFlow, and everything else that is said."""

import importlib.util
import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[1]


def run(code, **environment):
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    environment = {**kept, "PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "-1", **environment}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done


@pytest.mark.skipif(importlib.util.find_spec("tensorflow") is None, reason="no TensorFlow")
def test_a_network_is_built_without_a_word():
    code = "from musiclib import models; models.build('stacked_lstm', 9, units=[4]).summary; print('built')"
    done = run(code, KERAS_BACKEND="tensorflow")
    assert done.stdout == "built\n" and done.stderr == ""


FAKE = """
import os, pathlib, sys
sys.path.insert(0, {folder!r})
pathlib.Path({folder!r}, "tensorflow.py").write_text('''
import os, sys, warnings
os.write(2, b"I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on.\\\\n")
os.write(2, b"2026-01-01 00:00:00.1: I tensorflow/core] optimized\\\\nTo enable the following instructions: AVX2\\\\n")
os.write(2, b"the library is broken\\\\n")
warnings.warn("this matters")
print(os.environ["TF_CPP_MIN_LOG_LEVEL"])
if "--fail" in sys.argv:
    raise ImportError("no such library")
''')
import musiclib
"""


def test_what_is_no_greeting_is_passed_on(tmp_path):
    done = run(FAKE.format(folder=str(tmp_path)) + "import tensorflow; os.write(2, b'afterwards')")
    assert done.stdout == "3\n"
    assert "the library is broken" in done.stderr and "this matters" in done.stderr and "afterwards" in done.stderr
    assert "oneDNN" not in done.stderr and "optimized" not in done.stderr and "AVX2" not in done.stderr


def test_an_error_comes_through_and_a_level_that_is_set_stays(tmp_path):
    code = FAKE.format(folder=str(tmp_path)) + (
        "sys.argv.append('--fail')\ntry:\n    import tensorflow\nexcept ImportError as error:\n    print(error)"
    )
    done = run(code, TF_CPP_MIN_LOG_LEVEL="0")
    assert done.stdout == "0\nno such library\n" and "the library is broken" in done.stderr


def test_to_look_for_it_changes_nothing(tmp_path):
    code = FAKE.format(folder=str(tmp_path)) + (
        "import importlib.util\n"
        "for _ in range(2):\n    assert importlib.util.find_spec('tensorflow').origin.startswith(sys.path[0])\n"
        "assert importlib.util.find_spec('tensorflow_of_another_name') is None\nimport tensorflow"
    )
    assert "oneDNN" not in run(code).stderr
