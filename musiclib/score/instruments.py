"""Instruments: the 128 programs of General MIDI and its drums by name.

Source: MIDI Manufacturers Association, "General MIDI System Level 1" (1991).
"""

from __future__ import annotations

DRUM_KIT = 128
"""The program of a percussion part: one more than General MIDI has, as in MT3 (J. Gardner et al., 2022)."""

_DRUM_KITS = ("drum", "drums", "drum kit", "drumkit", "drum set", "percussion")  # what people call one

LOWEST_DRUM = 35
DRUMS = tuple(
    """Acoustic Bass Drum,Bass Drum 1,Side Stick,Acoustic Snare,Hand Clap,Electric Snare,Low Floor Tom,Closed Hi-Hat,
High Floor Tom,Pedal Hi-Hat,Low Tom,Open Hi-Hat,Low-Mid Tom,Hi-Mid Tom,Crash Cymbal 1,High Tom,Ride Cymbal 1,
Chinese Cymbal,Ride Bell,Tambourine,Splash Cymbal,Cowbell,Crash Cymbal 2,Vibraslap,Ride Cymbal 2,Hi Bongo,Low Bongo,
Mute Hi Conga,Open Hi Conga,Low Conga,High Timbale,Low Timbale,High Agogo,Low Agogo,Cabasa,Maracas,Short Whistle,
Long Whistle,Short Guiro,Long Guiro,Claves,Hi Wood Block,Low Wood Block,Mute Cuica,Open Cuica,Mute Triangle,
Open Triangle""".replace("\n", "").split(",")
)
"""General MIDI's percussion map: the drums from pitch ``LOWEST_DRUM`` (35) to 81."""

INSTRUMENTS = tuple(
    """Acoustic Grand Piano,Bright Acoustic Piano,Electric Grand Piano,Honky-tonk Piano,Electric Piano 1,
Electric Piano 2,
Harpsichord,Clavinet,Celesta,Glockenspiel,Music Box,Vibraphone,Marimba,Xylophone,Tubular Bells,Dulcimer,Drawbar Organ,
Percussive Organ,Rock Organ,Church Organ,Reed Organ,Accordion,Harmonica,Tango Accordion,Acoustic Guitar (nylon),
Acoustic Guitar (steel),Electric Guitar (jazz),Electric Guitar (clean),Electric Guitar (muted),Overdriven Guitar,
Distortion Guitar,Guitar Harmonics,Acoustic Bass,Electric Bass (finger),Electric Bass (pick),Fretless Bass,Slap Bass 1,
Slap Bass 2,Synth Bass 1,Synth Bass 2,Violin,Viola,Cello,Contrabass,Tremolo Strings,Pizzicato Strings,Orchestral Harp,
Timpani,String Ensemble 1,String Ensemble 2,Synth Strings 1,Synth Strings 2,Choir Aahs,Voice Oohs,Synth Voice,
Orchestra Hit,Trumpet,Trombone,Tuba,Muted Trumpet,French Horn,Brass Section,Synth Brass 1,Synth Brass 2,Soprano Sax,
Alto Sax,Tenor Sax,Baritone Sax,Oboe,English Horn,Bassoon,Clarinet,Piccolo,Flute,Recorder,Pan Flute,Blown Bottle,
Shakuhachi,Whistle,Ocarina,Lead 1 (square),Lead 2 (sawtooth),Lead 3 (calliope),Lead 4 (chiff),Lead 5 (charang),
Lead 6 (voice),Lead 7 (fifths),Lead 8 (bass + lead),Pad 1 (new age),Pad 2 (warm),Pad 3 (polysynth),Pad 4 (choir),
Pad 5 (bowed),Pad 6 (metallic),Pad 7 (halo),Pad 8 (sweep),FX 1 (rain),FX 2 (soundtrack),FX 3 (crystal),
FX 4 (atmosphere),FX 5 (brightness),FX 6 (goblins),FX 7 (echoes),FX 8 (sci-fi),Sitar,Banjo,Shamisen,Koto,Kalimba,
Bagpipe,Fiddle,Shanai,Tinkle Bell,Agogo,Steel Drums,Woodblock,Taiko Drum,Melodic Tom,Synth Drum,Reverse Cymbal,
Guitar Fret Noise,Breath Noise,Seashore,Bird Tweet,Telephone Ring,Helicopter,Applause,Gunshot""".replace(
        "\n", ""
    ).split(",")
)


def drum_name(pitch: int) -> str:
    """Returns General MIDI's name of a drum, by the pitch that stands for it; ``Drum 27`` if it names none."""
    place = pitch - LOWEST_DRUM
    return DRUMS[place] if 0 <= place < len(DRUMS) else f"Drum {pitch}"


def program(instrument: str | int) -> int:
    """Returns the General MIDI program, 0 to 127, of an instrument's name or number.

    Part of a name is enough, case ignored; the first instrument with it is taken: ``"organ"`` is program 16.

    Raises:
        ValueError: if there is no such instrument, or it has no pitches, as a drum kit.
    """
    if isinstance(instrument, int) and not isinstance(instrument, bool) and 0 <= instrument <= 127:
        return instrument
    text = instrument.strip().lower() if isinstance(instrument, str) else ""
    if text in _DRUM_KITS or instrument == DRUM_KIT:
        raise ValueError(
            f"{instrument!r} has no pitches; take a pitched instrument such as 'Steel Drums', 'Taiko Drum' or 'Marimba'"
        )
    names = [name.lower() for name in INSTRUMENTS]
    found = [i for i, name in enumerate(names) if text and text in name]
    if not found:
        raise ValueError(
            f"there is no instrument {instrument!r}; take a name of score.instruments.INSTRUMENTS such as 'Violin' or"
            " 'Church Organ', or a General MIDI program from 0 to 127"
        )
    return names.index(text) if text in names else found[0]
