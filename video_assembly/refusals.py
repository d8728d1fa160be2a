"""Why a file is not accepted: stable codes and the sentences a merchant reads."""

from __future__ import annotations


def N_(sentence: str) -> str:
    """Marks an English sentence for translation; whoever shows it translates it."""
    return sentence


SENTENCES = {
    "media-empty": N_("This file is empty."),
    "media-too-large": N_("This file has {megabytes} MB; at most {most} MB are accepted."),
    "media-not-video": N_("This is not a video file that can be read here. Please upload MP4, MOV or WebM."),
    "media-no-picture": N_("This file has no picture track."),
    "media-codec": N_(
        "The picture in this file is coded as {codec}, which is not supported. "
        "Please export it as H.264, HEVC, VP8, VP9 or AV1."
    ),
    "media-too-many-tracks": N_("This file has {count} tracks; at most {most} are accepted."),
    "media-dimensions": N_("The picture has {width} x {height} pixels; at most {most} on a side are accepted."),
    "media-frame-rate": N_("The picture changes {rate} times a second; at most {most} are accepted."),
    "media-too-long": N_("This video lasts {seconds} s; at most {most} s are accepted."),
    "media-too-short": N_("This video lasts {seconds} s; at least {least} s are needed."),
    "media-truncated": N_(
        "This file ends before its video does. It was probably not copied completely; please upload it again."
    ),
    "media-broken": N_("This file is damaged and cannot be played. Please export the video again."),
    "media-too-demanding": N_("Reading this file takes more time or memory than a video of its length should."),
    "media-crashed": N_("The video decoder stopped on this file. Please export the video again."),
}


class Refused(Exception):
    """A file that is not accepted; `code` is stable, `sentence` a msgid whose placeholders `extra` fills.

    `cause` is for the log alone.
    """

    def __init__(self, code: str, cause: str = "", **extra: str | int | float) -> None:
        self.code = code
        self.message = SENTENCES[code]
        self.extra = extra
        self.cause = cause
        super().__init__(self.message.format(**extra))


NOTICES = {
    "cv2-missing": N_(
        "Scene cuts were not looked for, because OpenCV could not be loaded. "
        "Install the system packages {packages} on the server."
    ),
    "sound-dropped": N_("The sound in this file is coded as {codec}, which is not supported; the clip is silent."),
    "picture-black": N_("Nothing can be seen in {count} of {all} segments: they are black."),
    "picture-blurred": N_("The picture is out of focus in {count} of {all} segments."),
    "picture-shaky": N_("The camera shakes in {count} of {all} segments."),
    "picture-flashing": N_(
        "The picture flashes more than three times a second in {count} of {all} segments, which can harm people with "
        "photosensitive epilepsy. Please do not use them."
    ),
    "sound-silent": N_("This file has a sound track with nothing to hear in it."),
}
