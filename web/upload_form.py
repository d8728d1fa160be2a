"""A multipart form with one file (RFC 7578), split as it comes: the file's bytes go on, the fields are kept."""

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from storage.errors import UserError

MOST_PARTS = 20
LONGEST_HEADERS = 8192
LONGEST_FIELD = 8192
LONGEST_BOUNDARY = 70  # RFC 2046, section 5.1.1


class FormBroken(UserError):
    """The form cannot be read."""

    status = 400


def boundary_of(content_type: str) -> bytes | None:
    """Return what separates the parts of a form; None when the body is something else, FormBroken without one."""
    kind, options = parse_options_header(content_type)
    if kind.lower() != b"multipart/form-data":
        return None
    boundary = options.get(b"boundary", b"")
    if not 1 <= len(boundary) <= LONGEST_BOUNDARY:
        raise _broken()
    return boundary


class UploadForm:
    """Reads a form piece by piece; `filename` and `fields` are complete after `finish`."""

    def __init__(self, boundary: bytes) -> None:
        self.filename = ""
        self.fields: list[tuple[str, str]] = []
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header_end,
                "on_headers_finished": self._headers_end,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )
        self._parts = 0
        self._headers: dict[bytes, bytes] = {}
        self._header_bytes = 0
        self._name, self._value = b"", b""
        self._field: str | None = None
        self._text = b""
        self._in_file = self._saw_file = self._complete = False
        self._out: list[bytes] = []

    def feed(self, chunk: bytes) -> bytes:
        """Take a piece of the body and return the file's bytes in it; raises FormBroken."""
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _broken() from error
        out, self._out = b"".join(self._out), []
        return out

    def finish(self) -> None:
        """Check that the form came to its end and had a file; raises FormBroken, UserError `file-missing`."""
        if not self._complete:
            raise _broken()
        if not self._saw_file:
            raise UserError("file-missing", "Choose a file to upload.", field="file")

    def _begin(self) -> None:
        self._parts += 1
        if self._parts > MOST_PARTS:
            raise _broken()
        self._headers, self._header_bytes = {}, 0
        self._field, self._text, self._in_file = None, b"", False

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._count_header(end - start)
        self._value += data[start:end]

    def _count_header(self, length: int) -> None:
        self._header_bytes += length
        if self._header_bytes > LONGEST_HEADERS:
            raise _broken()

    def _header_end(self) -> None:
        self._headers[self._name.lower()] = self._value
        self._name = self._value = b""

    def _headers_end(self) -> None:
        _, options = parse_options_header(self._headers.get(b"content-disposition", b"").decode("latin-1"))
        self._field = options.get(b"name", b"").decode("utf-8", "replace")
        if b"filename" in options:
            if self._saw_file:
                raise UserError("one-file", "Send one file at a time.", field="file")
            self.filename = options[b"filename"].decode("utf-8", "replace")
            self._in_file = self._saw_file = True

    def _data(self, data: bytes, start: int, end: int) -> None:
        if self._in_file:
            self._out.append(data[start:end])
            return
        self._text += data[start:end]
        if len(self._text) > LONGEST_FIELD:
            raise _broken()

    def _end(self) -> None:
        if not self._in_file and self._field:
            self.fields.append((self._field, self._text.decode("utf-8", "replace")))

    def _finish(self) -> None:
        self._complete = True


def _broken() -> FormBroken:
    return FormBroken("form-broken", "This form cannot be read.")
