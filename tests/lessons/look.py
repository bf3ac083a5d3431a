"""Open every notebook in JupyterLab in a browser, run it from top to bottom, and keep what it
looks like.

    pip install ".[lessons]" playwright        # and a Chromium, like Debian's
    python -m tests.lessons.look FOLDER [--student] [NN...]

Writes a picture of each screenful into FOLDER (NN-00.png, NN-01.png, ...) and fails if a solution
notebook shows an error, or a reader's notebook one other than its first exercise.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path

from minnet_lessons import build, source

WIDTH, HEIGHT = 1200, 1500
PORT = 8899
PANEL = ".jp-NotebookPanel:not(.lm-mod-hidden) .jp-WindowedPanel-outer"
STATUS = """() => {
  const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
  const mark = panel?.querySelector('.jp-Notebook-ExecutionIndicator');
  return mark?.getAttribute('data-status');
}"""
COUNTS = """() => {
  const panel = document.querySelector('.jp-NotebookPanel:not(.lm-mod-hidden)');
  const all = (query) => [...panel.querySelectorAll(query)];
  return {
    errors: all('.jp-OutputArea-output:is([data-mime-type*=error], [data-mime-type*=stderr])')
      .map(e => e.innerText),
    prompts: all('.jp-CodeCell .jp-InputPrompt').map(e => e.innerText),
    pictures: all('.jp-OutputArea img').length,
    broken: all('.jp-OutputArea img').filter(i => !i.naturalWidth).length,
    maths: all('mjx-container').length,
    bad_maths: all('mjx-merror').length,
  };
}"""


@contextmanager
def lab(folder):
    """The address of a JupyterLab that serves a folder, with settings of its own."""
    home = tempfile.mkdtemp()
    settings = Path(home, "settings", "@jupyterlab", "notebook-extension")
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps({"windowingMode": "none"}))
    news = Path(home, "settings", "@jupyterlab", "apputils-extension")
    news.mkdir()
    (news / "notification.jupyterlab-settings").write_text(
        json.dumps({"fetchNews": "false", "checkForUpdates": False})
    )
    environment = {
        **os.environ, "JUPYTERLAB_SETTINGS_DIR": str(Path(home, "settings")),
        "JUPYTERLAB_WORKSPACES_DIR": str(Path(home, "workspaces")),
        "MINNET_PROGRESS": str(Path(home, "progress.json")),
    }  # fmt: skip
    environment.pop("MPLBACKEND", None)
    words = ["--no-browser", f"--port={PORT}", "--IdentityProvider.token=", "--allow-root",
             "--ServerApp.disable_check_xsrf=True", f"--ServerApp.root_dir={folder}"]  # fmt: skip
    process = subprocess.Popen(
        [sys.executable, "-m", "jupyterlab", *words], env=environment,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    address = f"http://127.0.0.1:{PORT}"
    try:
        for _ in range(60):
            try:
                urllib.request.urlopen(f"{address}/api", timeout=1)
                break
            except OSError:
                time.sleep(0.5)
        yield address
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)


def run_all(page):
    """Restart the kernel and run all cells by the menu, as a reader would; wait until idle."""
    page.click("text=Run >> nth=0")
    page.click("text=Restart Kernel and Run All Cells")
    page.click(".jp-Dialog .jp-mod-accept, .jp-Dialog .jp-mod-warn")
    time.sleep(1)
    quiet, deadline = 0, time.monotonic() + 120
    while quiet < 3 and time.monotonic() < deadline:
        time.sleep(0.5)
        quiet = quiet + 1 if page.evaluate(STATUS) == "idle" else 0
    return quiet >= 3


def screens(page, folder, name):
    """A picture of each screenful of the open notebook."""
    page.evaluate(f"document.querySelector('{PANEL}').scrollTop = 0")
    height = page.evaluate(f"document.querySelector('{PANEL}').scrollHeight")
    seen = page.evaluate(f"document.querySelector('{PANEL}').clientHeight")
    for i in range(-(-height // seen)):
        page.evaluate(f"document.querySelector('{PANEL}').scrollTop = {i * seen}")
        time.sleep(0.4)
        page.screenshot(path=folder / f"{name}-{i:02}.png")
    return i + 1


def look(page, address, lesson, folder):
    """What a notebook shows after it was run: counts, and the faults among them."""
    page.goto(f"{address}/lab/tree/{lesson.name}.ipynb?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell", timeout=60_000)
    page.wait_for_function(f"({STATUS})() === 'idle'", timeout=60_000)
    time.sleep(1)
    idle = run_all(page)
    counts = page.evaluate(COUNTS)
    counts["screens"] = screens(page, folder, f"{lesson.number:02}")
    counts["idle"] = idle
    return counts


def faults(counts, student):
    if not counts["idle"]:
        yield "was not idle after two minutes"
    if counts["broken"] or counts["bad_maths"]:
        yield f"{counts['broken']} broken pictures, {counts['bad_maths']} broken formulas"
    if student:
        if len(counts["errors"]) != 1 or not counts["errors"][0].startswith("Your turn"):
            yield f"should stop with `Your turn`, shows {counts['errors']}"
    elif counts["errors"] or any("[ ]" in prompt for prompt in counts["prompts"]):
        yield f"errors {counts['errors']}, prompts {counts['prompts']}"


def main():
    from playwright.sync_api import sync_playwright

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("numbers", nargs="*", type=int)
    parser.add_argument("--student", action="store_true")
    options = parser.parse_intermixed_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    failed = False
    with tempfile.TemporaryDirectory() as copies, sync_playwright() as playwright:
        for lesson in source.lessons(options.numbers):
            path = (
                build.NOTEBOOKS / ("." if options.student else "solutions") / f"{lesson.name}.ipynb"
            )
            shutil.copy(path, copies)
        with lab(copies) as address:
            browser = playwright.chromium.launch(
                executable_path=shutil.which("chromium"),
                args=["--no-sandbox", "--disable-gpu", "--disable-quic"],
            )
            page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
            for lesson in source.lessons(options.numbers):
                counts = look(page, address, lesson, options.folder)
                wrong = list(faults(counts, options.student))
                failed |= bool(wrong)
                shown = {k: v for k, v in counts.items() if k in ("pictures", "maths", "screens")}
                print(lesson.name, shown, *wrong, sep="  ", flush=True)
            browser.close()
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
