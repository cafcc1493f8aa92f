"""Captions: short descriptions of styles and of how music goes, in English, German and Chinese."""

from __future__ import annotations

STYLES = {
    "Chinese": (
        "Chinese folk song", "pentatonic", "China", "Asian", "chinesisches Volkslied", "aus China", "pentatonisch",
        "中国民歌", "中国民间曲调", "五声音阶",
    ),
    "German": (
        "German folk song", "church hymn", "hymn", "lullaby", "ballad",
        "deutsches Volkslied", "Kirchenlied", "Choral", "Wiegenlied", "Ballade", "德国民歌", "圣歌", "赞美诗", "摇篮曲",
    ),
    "Irish": (
        "Irish reel", "Irish jig", "Celtic dance", "fiddle", "hornpipe", "American fiddle tune", "folk dance",
        "irischer Tanz", "irische Tanzmusik", "Fiedel", "keltisch", "爱尔兰舞曲", "吉格舞曲", "小提琴舞曲",
    ),
    "Bach": (
        "Bach chorale", "church hymn", "Lutheran hymn", "baroque", "Protestant choir", "Bachchoral", "Kirchenlied",
        "lutherischer Choral", "Barock", "巴赫众赞歌", "巴洛克", "圣歌", "赞美诗",
    ),
    "Palestrina": (
        "Palestrina mass", "Renaissance polyphony", "Roman Catholic mass", "Latin motet", "Messe von Palestrina",
        "Renaissance", "katholische Messe", "帕莱斯特里那弥撒", "文艺复兴", "弥撒曲",
    ),
}  # fmt: skip
"""Captions of the styles that ship; every style is found by its own name as well."""

MANNERS = {
    ("tempo", 0.7): (
        "slow", "calm", "solemn", "sad", "gentle", "langsam", "ruhig", "feierlich", "traurig", "慢", "缓慢的", "平静的",
        "悲伤的",
    ),
    ("tempo", 1.3): (
        "fast", "lively", "quick", "cheerful", "schnell", "lebhaft", "fröhlich", "munter", "快", "欢快的", "活泼的",
    ),
    ("note density", 1.5): (
        "busy", "many notes", "lively", "virtuosic", "lebhaft", "viele Töne", "bewegt", "欢快的", "活泼的", "很多音符",
    ),
    ("note density", -1.5): (
        "sparse", "few notes", "long notes", "slow", "langsam", "wenige Töne", "lange Töne", "缓慢的", "长音",
    ),
    ("rhythmic complexity", 1.5): (
        "syncopated", "complex rhythm", "synkopiert", "schwieriger Rhythmus", "切分节奏", "复杂的节奏",
    ),
    ("rhythmic complexity", -1.5): (
        "plain rhythm", "even rhythm", "einfacher Rhythmus", "gleichmäßig", "简单的节奏",
    ),
    ("contour", 1.5): ("rising", "ascending", "upwards", "aufsteigend", "steigend", "上行"),
    ("contour", -1.5): ("falling", "descending", "downwards", "absteigend", "fallend", "下行"),
}  # fmt: skip
"""Captions of manners: a factor of the tempo, or by how many standard deviations an attribute moves."""
