"""Fetching: conditional requests, and servers that mean no good."""

import gzip
import socket
import threading
import tracemalloc
import zlib

import pytest

from voxhaus.products.briefing.feed_cache import Copy, FeedCache
from voxhaus.products.briefing.feeds import Delivery, FeedError, FeedRequest, without_secrets
from voxhaus.products.briefing.fetch import Limits, fetch_all

QUICK = Limits(bytes=100_000, seconds=0.6, redirects=3)


def get(cache, *addresses, limits=QUICK):
    return fetch_all([FeedRequest(address=str(a)) for a in addresses], cache, limits=limits)


def refusal(cache, address, limits=QUICK):
    (error,) = get(cache, address, limits=limits)
    assert isinstance(error, FeedError), error
    return error


def test_a_feed_is_fetched_with_its_type_and_final_address(serve, cache):
    server = serve({"/f": lambda h: h.answer(b"<rss/>", Content_Type="text/xml; charset=x")})
    (got,) = get(cache, f"{server.url}/f")
    assert got == Delivery(
        data=b"<rss/>", content_type="text/xml; charset=x", url=f"{server.url}/f", status=200
    )
    assert "voxhaus" in server.seen[0][1]["User-Agent"]


def test_second_time_only_what_changed(serve, cache):
    body = [b"<rss>1</rss>"]

    def answer(handler):
        tag = f'"{len(body[0])}{body[0][5:6].decode()}"'
        if handler.headers.get("If-None-Match") == tag:
            handler.answer(status=304)
        else:
            handler.answer(body[0], ETag=tag, Last_Modified="Mon, 23 Nov 2026 08:00:00 GMT")

    server = serve({"/f": answer})
    url = f"{server.url}/f"
    first, second = get(cache, url)[0], get(cache, url)[0]
    assert (first.status, first.from_cache) == (200, False)
    assert (second.status, second.from_cache, second.data) == (304, True, body[0])
    asked = server.seen[1][1]
    assert asked["If-Modified-Since"] == "Mon, 23 Nov 2026 08:00:00 GMT"
    body[0] = b"<rss>2</rss>"
    third = get(cache, url)[0]
    assert (third.status, third.data) == (200, body[0])


def test_a_feed_without_validators_is_asked_for_again(serve, cache):
    server = serve({"/f": lambda h: h.answer(b"<rss/>")})
    get(cache, f"{server.url}/f")
    get(cache, f"{server.url}/f")
    assert "If-None-Match" not in server.seen[1][1]


def test_a_damaged_copy_does_not_count(tmp_path):
    cache = FeedCache(tmp_path)
    copy = Copy(data=b"12345", etag='"a"', last_modified="", content_type="", url="u")
    cache.put("u", copy)
    assert cache.get("u") == copy
    (file,) = tmp_path.iterdir()
    for damaged in (file.read_bytes()[:-1], b"", b"\xff\n12345", b"[]\n12345", b"{}\n12345"):
        file.write_bytes(damaged)
        assert cache.get("u") is None


def test_a_cache_that_cannot_be_written_is_no_error(serve, tmp_path):
    (tmp_path / "file").write_text("in the way")
    server = serve({"/f": lambda h: h.answer(b"<rss/>", ETag='"a"')})
    (got,) = get(FeedCache(tmp_path / "file" / "feeds"), f"{server.url}/f")
    assert got.data == b"<rss/>"


def test_redirects_are_followed_and_counted(serve, cache):
    server = serve(
        {
            "/old": lambda h: h.answer(status=301, Location="/new"),
            "/new": lambda h: h.answer(b"<rss/>"),
            "/loop": lambda h: h.answer(status=302, Location="/loop"),
            "/file": lambda h: h.answer(status=302, Location="file:///etc/passwd"),
        }
    )
    (got,) = get(cache, f"{server.url}/old")
    assert got.url == f"{server.url}/new"
    error = refusal(cache, f"{server.url}/loop")
    assert "redirected more than 3 times" in str(error)
    assert len([p for p, _ in server.seen if p == "/loop"]) == 4
    assert "no web address" in str(refusal(cache, f"{server.url}/file"))


@pytest.mark.parametrize(
    ("status", "said"), [(404, "404 Not Found"), (500, "500 Internal"), (599, "599"), (304, "304")]
)
def test_refusals_of_a_server_are_named(serve, cache, status, said):
    server = serve({"/f": lambda h: h.answer(status=status)})
    error = refusal(cache, f"{server.url}/f")
    assert f"the server answered {said}" in str(error)
    assert not error.bad_input


def test_silence_and_trickles_end_at_the_limit(serve, cache):
    free = threading.Event()

    def trickle(handler):
        handler.send_response(200)
        handler.end_headers()
        while not free.wait(0.05):
            handler.wfile.write(b"x")

    server = serve({"/silent": lambda _: free.wait(5), "/trickle": trickle})
    for error in get(cache, f"{server.url}/silent", f"{server.url}/trickle"):
        assert "no complete answer within 0.6 seconds" in str(error)
    free.set()


def test_a_closed_port_and_an_unknown_host(cache):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    assert "no connection" in str(refusal(cache, f"http://127.0.0.1:{port}/"))
    limits = Limits(seconds=20)
    error = refusal(cache, "http://nowhere.invalid/feed", limits)
    assert "http://nowhere.invalid/feed: no connection" in str(error)


def test_a_body_over_the_limit_is_not_read_on(serve, cache):
    def endless(handler):
        handler.send_response(200)
        handler.end_headers()
        while True:
            handler.wfile.write(b"x" * 65536)

    server = serve({"/f": endless})
    error = refusal(cache, f"{server.url}/f", Limits(bytes=100_000, seconds=10))
    assert "larger than 0.1 MB" in str(error)
    assert error.bad_input


def test_compressed_answers(serve, cache):
    body = b"<rss>" + b"news " * 1000 + b"</rss>"
    server = serve(
        {
            "/gzip": lambda h: h.answer(gzip.compress(body), Content_Encoding="gzip"),
            "/zlib": lambda h: h.answer(zlib.compress(body), Content_Encoding="deflate"),
            "/cut": lambda h: h.answer(gzip.compress(body)[:-20], Content_Encoding="gzip"),
            "/bad": lambda h: h.answer(b"no gzip at all", Content_Encoding="gzip"),
            "/br": lambda h: h.answer(b"...", Content_Encoding="br"),
        }
    )
    for path in ("/gzip", "/zlib"):
        assert get(cache, server.url + path)[0].data == body
    for path in ("/cut", "/bad"):
        assert "compressed answer is damaged" in str(refusal(cache, server.url + path))
    assert "compressed as 'br'" in str(refusal(cache, f"{server.url}/br"))


def test_a_compressed_bomb_is_bounded_in_memory(serve, cache):
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b"\0" * 1_000_000
    bomb = b"".join(packer.compress(block) for _ in range(200)) + packer.flush()
    assert len(bomb) < 300_000
    server = serve({"/f": lambda h: h.answer(bomb, Content_Encoding="gzip")})
    tracemalloc.start()
    error = refusal(cache, f"{server.url}/f", Limits(bytes=1_000_000, seconds=10))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert "larger than 1 MB" in str(error)
    assert peak < 20_000_000


def test_results_stand_in_the_order_asked_and_each_is_counted(serve, cache, tmp_path):
    server = serve({"/a": lambda h: h.answer(b"A"), "/b": lambda h: h.answer(b"B")})
    (tmp_path / "c.xml").write_bytes(b"C")
    addresses = [f"{server.url}/a", "missing.xml", f"{server.url}/b", str(tmp_path / "c.xml")]
    count = []
    got = fetch_all(
        [FeedRequest(address=a) for a in addresses], cache, on_each=lambda: count.append(1)
    )
    assert [getattr(g, "data", None) for g in got] == [b"A", None, b"B", b"C"]
    assert len(count) == 4


def test_files_that_cannot_be_read_say_why(cache, tmp_path):
    big = tmp_path / "big.xml"
    big.write_bytes(b"x" * 200_000)
    for address, said in (
        (tmp_path / "no.xml", "there is no such file"),
        (tmp_path, "this is not a file"),
        (big, "larger than 0.1 MB"),
        ("ftp://host/feed", "'ftp' is not an address we can fetch"),
        ("a\0b", "there is no such file"),
    ):
        error = refusal(cache, address)
        assert said in str(error)
        assert error.bad_input


def test_passwords_are_not_shown(cache):
    error = refusal(cache, "http://anna:secret@127.0.0.1:1/feed")
    assert "secret" not in str(error)
    assert "http://127.0.0.1:1/feed" in str(error)
    assert without_secrets("https://u:p@h.org/x?y#z") == "https://h.org/x?y#z"
