"""Videos for players: the headers of those asked for lately, and their HLS playlists."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from urllib.parse import urlencode

from storage.errors import NotFound, UserError
from storage.kept import Kept
from video_assembly import playlists, renditions
from video_assembly.common_form import LARGE, SMALL
from video_assembly.recipes import Recipe
from video_assembly.renditions import Source
from video_assembly.stitch import SegmentSource, Stitched
from video_assembly.videos import Playable
from web.services import Services

# About 20 KB each: the header, and where each unit is.
MOST_KEPT = 512
# A player asks for the parts of a video in quick succession.
GRANTED_FOR = timedelta(seconds=3)
MOST_GRANTED = 4_096
UNITS = "/media/units"
FORMS = {"large": LARGE, "small": SMALL}
BEGINS_WITH = "large"

# By folder and recipe's id, which is one video for ever: a browser asks for several parts of each.
headers: Kept[tuple[str, str], Stitched] = Kept(MOST_KEPT)
# Who was just found to be allowed to play what, and until when this need not be looked up again.
granted: Kept[tuple[str, str], tuple[datetime, Playable]] = Kept(MOST_GRANTED)


def playable(person_id: str, video_id: str, now: datetime, look_up: Callable[[], Playable]) -> Playable:
    """Return a video that this person may play, as it was found some seconds ago or as `look_up` finds it now."""
    key = (person_id, video_id)
    found = granted.find(key)
    if found is not None and timedelta(0) <= found[0] - now <= GRANTED_FOR:
        return found[1]
    looked_up = look_up()
    granted.keep(key, (now + GRANTED_FOR, looked_up))
    return looked_up


def stitched(parts: Services, recipe: Recipe) -> Stitched:
    """Return a recipe as one MP4; raises UserError 410 when the file of a segment is gone."""
    key = (str(parts.media.folder), recipe.id)
    found = headers.find(key)
    if found is None:
        with parts.db.reading() as tx:
            found = Stitched(_parts(parts, renditions.sources(tx, _ids(recipe))))
        headers.keep(key, found)
    if not all(path.is_file() for path in found.paths):
        raise UserError("video-lost", "A part of this video is no longer there.", status=410)
    return found


def playlist(parts: Services, recipe: Recipe, form: str | None, share: str) -> str:
    """Return a recipe's playlist in one form, `large` or `small`, or the one that names its forms.

    Raises NotFound for a form that this video has not.
    """
    with parts.db.reading() as tx:
        found = {
            "large": renditions.sources(tx, _ids(recipe)),
            "small": renditions.small_sources(tx, _ids(recipe)),
        }
    sources = {name: _parts(parts, each) for name, each in found.items() if each}
    if form is None:
        variants = []
        for name, each in sources.items():
            variants.append(playlists.variant(each, FORMS[name], _playlist_url(recipe.id, name, share)))
        return playlists.multivariant_playlist(variants)
    if form not in sources:
        raise NotFound("form-unknown", "This video does not exist in this size.")
    return playlists.media_playlist(sources[form], UNITS)


def preload(video_id: str, digest: str, share: str = "") -> list[str]:
    """Return what players of HLS ask for after a video's playlist, one after the other, before its first picture.

    Whoever asks for these together with the playlist waits once. `digest` is of the first segment's file.
    """
    return [_playlist_url(video_id, BEGINS_WITH, share), *playlists.preload(UNITS, digest)]


def _playlist_url(video_id: str, form: str, share: str) -> str:
    query = urlencode({"form": form, **({"share": share} if share else {})})
    return f"/v/{video_id}.m3u8?{query}"


def _ids(recipe: Recipe) -> list[str]:
    return [each.id for each in recipe.ingredients]


def _parts(parts: Services, sources: Sequence[Source]) -> list[SegmentSource]:
    return [
        SegmentSource(parts.media.path(each.media_key), each.index, each.init_digest, each.digest) for each in sources
    ]
