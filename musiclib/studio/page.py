"""Page: the layout of the studio, its tabs, and what a click does. ``controls.json`` holds the labels and ranges."""

from __future__ import annotations

import html
import json
import pathlib
import traceback

from musiclib.studio import actions, copies, results, uploads

_HERE = pathlib.Path(__file__).parent
_CONTROLS = json.loads((_HERE / "controls.json").read_text("utf-8"))
_ABOUT = "# Music studio\nSmall neural networks make music with you, on this computer. No upload is kept."
_EMPTY = '<div class="empty">Your piece will appear here: to hear, to read and to take with you.</div>'
_DRAWING = '<p class="hint">Drawing …</p>'
_COMPARING = '<p class="hint">Comparing with the training music … The first time takes some ten seconds more.</p>'
_MELODY = (  # columns of the grid and pitches: the beginning of the Ode to Joy
    "[[0,2,64],[2,2,64],[4,2,65],[6,2,67],[8,2,67],[10,2,65],[12,2,64],[14,2,62],[16,2,60],[18,2,60],[20,2,62],"
    "[22,2,64],[24,3,64],[27,1,62],[28,4,62]]"
)
_OWN = "An example or my file"
_WAITING = 30  # requests that may wait; another one is refused in a sentence


class Page:
    """The page, built in ``blocks``, a ``gradio.Blocks``."""

    def __init__(self, shelf: results.Shelf, reader: uploads.Uploads) -> None:
        import gradio

        self._gr, self._shelf, self._reader = gradio, shelf, reader
        tabs = {
            "Compose": self._compose, "Continue": self._continue, "Harmonise": self._harmonize,
            "Restyle": self._restyle, "Morph": self._morph,
        }  # fmt: skip
        # Deleted are also, after a quarter of an hour, uploads that were cancelled before they were read.
        options = {"analytics_enabled": False, "delete_cache": (300, 900)}
        with gradio.Blocks(title="musiclib studio", **options) as self.blocks:
            gradio.Markdown(_ABOUT)
            with gradio.Tabs() as places:
                results_of_tabs = []
                for name, tab in tabs.items():
                    with gradio.Tab(name, id=name), gradio.Row():
                        with gradio.Column(scale=2, min_width=320):
                            buttons = tab()
                        results_of_tabs.append(self._result(buttons))
            for change, piece in results_of_tabs:

                def taken(given):
                    return gradio.Tabs(selected="Continue"), *self._shown(given), None

                change.click(taken, piece, [places, *self._desk], api_visibility="private")
        self.blocks.queue(max_size=_WAITING, default_concurrency_limit=4)

    # Each tab adds its controls and returns its buttons: name, label, action, inputs and place in the layout.

    def _compose(self) -> list[tuple]:
        controls = self._controls("compose")
        row = self._gr.Row()
        more = self._more("temperature", "top_p", "seed")
        return [("compose", "Compose", actions.compose, [*controls.values(), *more.values()], row)]

    def _continue(self) -> list[tuple]:
        gr = self._gr
        *self._desk, _ = self._music("continue", "Your music", "A chorale by Bach")  # where a piece to be changed goes
        music = self._desk[0]
        controls, on = self._controls("continue"), gr.Row()
        anew, again = self._controls("infill"), gr.Row()
        more = self._more("temperature", "seed")

        def voices(given):
            names = list(given.score.part_names)
            return gr.CheckboxGroup(names if 1 < len(names) <= 16 else [], value=[], visible=len(names) > 1)

        music.change(voices, music, anew["voices"], api_visibility="private", show_progress="hidden")
        go_on = [music, *controls.values(), more["temperature"], more["seed"]]
        return [
            ("continue", "Continue", actions.go_on, go_on, on),
            ("infill", "Fill in", actions.infill, [music, *anew.values(), more["seed"]], again),
        ]

    def _harmonize(self) -> list[tuple]:
        gr = self._gr
        where = gr.Radio(["The grid", _OWN], value="The grid", label="The melody is in")
        template, script = ((_HERE / name).read_text("utf-8") for name in ("roll.html", "roll.js"))
        grid = gr.HTML(_MELODY, html_template=template, js_on_load=script, apply_default_css=False)
        music, *_, column = self._music("harmonize", "Your melody", "Ode to Joy", visible=False)
        row, more = gr.Row(), self._more("temperature", "seed", temperature=0.6)

        def switch(chosen):
            return gr.HTML(visible=chosen != _OWN), gr.Column(visible=chosen == _OWN)

        def action(chosen, notes, given, *others):
            return actions.harmonize(given if chosen == _OWN else notes, *others)

        where.change(switch, where, [grid, column], api_visibility="private", show_progress="hidden")
        return [("harmonize", "Harmonise", action, [where, grid, music, *more.values()], row)]

    def _restyle(self) -> list[tuple]:
        music, *_ = self._music("restyle", "Your tune", "Ode to Joy")
        controls, row, more = self._controls("restyle"), self._gr.Row(), self._more("seed")
        return [("restyle", "Restyle", actions.restyle, [music, *controls.values(), *more.values()], row)]

    def _morph(self) -> list[tuple]:
        phrases = (("morph_first", "From the first bars of", "Ode to Joy"), ("morph_second", "To", "Frère Jacques"))
        music = [self._music(*phrase)[0] for phrase in phrases]
        return [("morph", "Morph", actions.morph, [*music, *self._controls("morph").values()], self._gr.Row())]

    # What the tabs are made of.

    def _controls(self, group: str, *names: str, **values) -> dict:
        found = _CONTROLS[group]
        settings = {name: (found[name][0], dict(found[name][1])) for name in names or found}
        for name, value in values.items():
            settings[name][1]["value"] = value
        return {name: getattr(self._gr, kind)(**options) for name, (kind, options) in settings.items()}

    def _more(self, *names: str, **values) -> dict:
        with self._gr.Accordion("More", open=False):
            return self._controls("more", *names, **values)

    def _music(self, name: str, label: str, first: str, visible: bool = True) -> tuple:
        """Adds a choice of examples and an upload; returns the music, its description, the choice and their column."""
        gr, shown = self._gr, self._shown

        def choose(example):
            return shown(self._tried(actions.example, example))

        def upload(path):
            score, remarks = self._tried(self._reader.read, path)
            if remarks:
                gr.Info(html.escape(remarks))
            return *shown(actions.uploaded(score, pathlib.Path(path).suffix.lower())), None

        with gr.Column(visible=visible) as column:
            given, about = shown(actions.example(first))
            music = gr.State(given)
            example = gr.Dropdown(list(actions.EXAMPLES), value=first, label=label)
            file = gr.UploadButton("Use your own file: MIDI, MusicXML or ABC", size="md")
            # Gradio's own leaves an empty temporary file behind at each upload.
            file.preprocess = lambda payload: payload and payload.path
            about = gr.HTML(about)
        example.input(choose, example, [music, about], api_name=f"{name}_example", show_progress="hidden")
        file.upload(upload, file, [music, about, example], api_name=f"{name}_upload", concurrency_id="uploads")
        return music, about, example, column

    def _shown(self, given: actions.Given) -> tuple:
        """Returns the values of the state of some music, and of its description."""
        title = html.escape(given.score.title or "Your music")
        return given, f'<p class="hint">{title}: {results.summary(given.score)}</p>'

    def _result(self, buttons: list[tuple]) -> tuple:
        """Adds the place of the result, and the buttons; returns that for changing the piece, and the piece's state."""
        gr = self._gr
        with gr.Column(scale=3, min_width=320):
            empty = gr.HTML(_EMPTY)
            with gr.Column(visible=False) as place:
                headline = gr.HTML()
                sound = gr.Audio(label="Listen", type="filepath", interactive=False, buttons=["download"])
                views = []
                with gr.Tabs():
                    for view in ("Follow along", "Staff", "Piano roll", "Numbers (jianpu)", "Copied?"):
                        with gr.Tab(view):
                            views.append(gr.HTML())
                    with gr.Tab("Python"):
                        code = gr.Code(language="python", label="The same in a notebook", interactive=False)
                files = gr.File(label="Take it with you", file_count="multiple", interactive=False, elem_classes="take")
                change = gr.Button("Change this piece: some bars, or a voice")
        piece = gr.State()
        outputs = [empty, place, piece, sound, headline, code, *views, files]
        for name, label, action, inputs, row in buttons:
            made = self._made(action)
            with row:
                go = gr.Button(label, variant="primary", min_width=120)
                # An error is shown there, and what was made before stays as it is.
                shown_on = {"show_progress_on": [empty, headline]}
                events = [go.click(made, inputs, outputs, api_name=name, **shown_on)]
                if isinstance(inputs[-1], gr.Number):  # the seed
                    another = gr.Button("Another", min_width=100)
                    counted = another.click(lambda n: int(n or 0) + 1, inputs[-1], inputs[-1], api_visibility="private")
                    events.append(counted.then(made, inputs, outputs, api_visibility="private", **shown_on))
                else:  # the slider of a morph
                    events.append(inputs[-1].release(made, inputs, outputs, api_visibility="private", **shown_on))
                stop = gr.Button("Stop", min_width=70)
                stop.click(lambda: gr.Info("Stopped."), cancels=events, api_visibility="private")
        return change, piece

    def _made(self, action):
        """Returns what a click does: makes a piece, then shows its sound, its notation, and what it copies."""
        gr = self._gr

        def run(progress=gr.Progress(), *inputs):  # noqa: B008
            progress(0.1, "Making the music")
            result = self._tried(action, *inputs)
            progress(0.6, "Playing it")
            folder = self._shelf.new()
            sound = gr.Audio(str(self._tried(results.sound, result, folder)), loop=result.loop)
            remarks = "".join(f"<li>{html.escape(remark)}</li>" for remark in result.remarks)
            headline = f'<div class="headline">{results.summary(result.score)}<ul>{remarks}</ul></div>'
            text = [headline, result.code]
            shown = [gr.HTML(visible=False), gr.Column(visible=True), result.given, sound]
            yield [*shown, *text, *[_DRAWING] * 4, _COMPARING, None]
            views, files = self._tried(results.views, result, folder)
            # Only what is small is skipped: Gradio keeps the value of each component that is skipped, for each time.
            kept = [*[gr.skip()] * 4, *text, *(views[name] for name in ("player", "staff", "roll", "numbers"))]
            yield [*kept, _COMPARING, files]
            copied = self._tried(copies.report, result.run, result.score)
            yield [*kept, f"<p>{html.escape(copied)}</p>", files]

        return run

    def _tried(self, function, *arguments):
        """Calls a function; what is wrong with the input becomes a sentence on the page, escaped."""
        try:
            return function(*arguments)
        except (ValueError, FileNotFoundError) as error:
            sentence = html.escape(" ".join(str(error).split()))
            raise self._gr.Error(sentence, title="Not possible", print_exception=False) from error
        except Exception as error:
            traceback.print_exc()
            sentence = "Something went wrong in the program, and its log says what; try other settings."
            raise self._gr.Error(sentence, title="Error", print_exception=False) from error
