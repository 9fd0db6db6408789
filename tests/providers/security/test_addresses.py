from ipaddress import ip_address

import pytest

from providers.security.addresses import (
    AddressRefused,
    check_addresses,
    check_fetched_url,
    check_url,
    is_loopback_name,
    is_public,
    origin_of,
)

GOOD = {
    "https://api.example.org": "https://api.example.org",
    "https://api.example.org/": "https://api.example.org",
    "HTTPS://API.Example.ORG/v1/": "https://api.example.org/v1",
    "https://api.example.org./v1": "https://api.example.org/v1",
    "https://api.example.org:443/v1": "https://api.example.org/v1",
    "https://api.example.org:8443/v1": "https://api.example.org:8443/v1",
    "https://api.example.org/a/../v1": "https://api.example.org/v1",
    "https://münchen.example/v1": "https://xn--mnchen-3ya.example/v1",
    "https://8.8.8.8/v1": "https://8.8.8.8/v1",
    "https://[2606:4700::1111]:8443/v1": "https://[2606:4700::1111]:8443/v1",
    "https://my_bucket.example.org/v1": "https://my_bucket.example.org/v1",
}

BAD = (
    "",
    "api.example.org",
    "//api.example.org/v1",
    "http://api.example.org/v1",
    "ftp://api.example.org",
    "file:///etc/passwd",
    "https:///v1",
    "https:api.example.org",
    "https://",
    "https://user@api.example.org",
    "https://user:password@api.example.org",
    "https://@api.example.org",
    "https://api.example.org@evil.example/",
    "https://api.example.org\\@evil.example/",
    "https://api.example.org/v1?key=1",
    "https://api.example.org/v1?",
    "https://api.example.org/v1#part",
    "https://api.example.org/v1#",
    "https://api.example.org:0",
    "https://api.example.org:65536",
    "https://api.example.org:port",
    "https://api.example.org:-1",
    "https://api example.org",
    "https://api.example.org/\x00",
    "https://api.example.org/\r\nhost: evil",
    "https://api.example.org/\u2028",
    "https://api..example.org",
    "https://.example.org",
    "https://ex%61mple.org",
    "https://exa{mple.org",
    "https://" + "a" * 64 + ".example.org",
    "https://api.example.org/" + "x" * 500,
    # This machine, in all its spellings.
    "https://localhost",
    "https://LOCALHOST.",
    "https://api.localhost",
    "https://127.0.0.1",
    "https://127.8.8.8",
    "https://127.1",
    "https://127.0.0.1.",
    "https://2130706433",
    "https://0x7f000001",
    "https://0x7f.0.0.1",
    "https://0177.0.0.1",
    "https://017700000001",
    "https://127.0.0.0x1",
    "https://127。0。0。1",
    "https://127．0．0．1",
    "https://①②⑦.0.0.1",
    "https://0.0.0.0",
    "https://0",
    "https://[::1]",
    "https://[::]",
    "https://[::ffff:127.0.0.1]",
    "https://[::ffff:7f00:1]",
    "https://[::127.0.0.1]",
    "https://[::ffff:0:127.0.0.1]",
    "https://[64:ff9b::127.0.0.1]",
    "https://[64:ff9b:1::8.8.8.8]",
    "https://[2002:7f00:1::]",
    "https://[::1%25eth0]",
    # What only this server reaches.
    "https://10.0.0.1",
    "https://172.16.0.1",
    "https://192.168.1.1",
    "https://100.64.0.1",
    "https://100.100.100.200",
    "https://169.254.169.254",
    "https://168.63.129.16",
    "https://192.0.0.192",
    "https://198.18.0.1",
    "https://224.0.0.1",
    "https://240.0.0.1",
    "https://255.255.255.255",
    "https://[fe80::1]",
    "https://[fe80::1%25eth0]",
    "https://[fec0::1]",
    "https://[fd00:ec2::254]",
    "https://[ff02::1]",
    "https://[::ffff:169.254.169.254]",
    "https://[64:ff9b::169.254.169.254]",
    "https://[64:ff9b::a00:1]",
    "https://[2001::1]",
    "https://[2001:db8::1]",
)


@pytest.mark.parametrize(("url", "form"), GOOD.items())
def test_a_public_address_comes_out_in_its_one_form(url: str, form: str) -> None:
    assert check_url(url, allow_loopback=False) == form
    assert check_url(form, allow_loopback=False) == form


@pytest.mark.parametrize("url", BAD)
def test_any_other_is_refused_in_a_sentence(url: str) -> None:
    with pytest.raises(AddressRefused) as caught:
        check_url(url, allow_loopback=False)
    assert caught.value.message.endswith(".")
    assert len(caught.value.message) < 200


#: What the setting opens is this machine by its name and by its addresses, and nothing else.
OPENED = {
    "https://localhost": "https://localhost",
    "https://LOCALHOST.": "https://localhost",
    "https://api.localhost": "https://api.localhost",
    "https://127.0.0.1": "https://127.0.0.1",
    "https://127.8.8.8": "https://127.8.8.8",
    "https://127.0.0.1.": "https://127.0.0.1",
    "https://127。0。0。1": "https://127.0.0.1",
    "https://127．0．0．1": "https://127.0.0.1",
    "https://[::1]": "https://[::1]",
}


@pytest.mark.parametrize("url", [url for url in BAD if url not in OPENED])
def test_the_setting_for_loopback_opens_nothing_else(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_url(url, allow_loopback=True)


@pytest.mark.parametrize(("url", "form"), OPENED.items())
def test_the_setting_opens_this_machine_over_http_as_well(url: str, form: str) -> None:
    assert check_url(url, allow_loopback=True) == form
    assert check_url(url.replace("https", "http", 1), allow_loopback=True) == form.replace("https", "http", 1)


def test_the_sentence_about_loopback_names_the_setting() -> None:
    with pytest.raises(AddressRefused, match="RUNNEL_ALLOW_LOOPBACK_PROVIDERS=true"):
        check_url("http://127.0.0.1:11434/v1", allow_loopback=False)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("8.8.8.8", True),
        ("100.63.255.255", True),
        ("100.64.0.0", False),
        ("100.127.255.255", False),
        ("172.31.255.255", False),
        ("172.32.0.0", True),
        ("192.88.99.1", False),
        ("203.0.113.1", False),
        ("2606:4700::1111", True),
        ("2a00:1450:4001::200e", True),
        ("64:ff9b::8.8.8.8", True),
        ("64:ff9b::192.168.0.1", False),
        ("::ffff:8.8.8.8", False),
        ("2001:20::1", False),
        ("3fff::1", False),
        ("4000::1", False),
        ("5f00::1", False),
    ],
)
def test_it_knows_a_public_address(address: str, expected: bool) -> None:
    assert is_public(ip_address(address)) is expected


def test_one_bad_address_spoils_a_name() -> None:
    good = check_addresses("api.example.org", ["8.8.8.8", "8.8.8.8", "2606:4700::1111"], allow_loopback=False)
    assert [str(address) for address in good] == ["8.8.8.8", "2606:4700::1111"]
    for bad in ("10.0.0.1", "127.0.0.1", "::1", "fe80::1%eth0", "::ffff:10.0.0.1"):
        with pytest.raises(AddressRefused, match=r"api\.example\.org leads to"):
            check_addresses("api.example.org", ["8.8.8.8", bad], allow_loopback=True)


def test_a_name_that_leads_nowhere_is_refused() -> None:
    with pytest.raises(AddressRefused, match="no address"):
        check_addresses("api.example.org", [], allow_loopback=False)


def test_localhost_leads_to_this_machine_only_and_only_where_it_may() -> None:
    assert check_addresses("localhost", ["127.0.0.1", "::1"], allow_loopback=True)
    for addresses, allow in ((["127.0.0.1"], False), (["8.8.8.8"], True), (["::ffff:127.0.0.1"], True)):
        with pytest.raises(AddressRefused):
            check_addresses("localhost", addresses, allow_loopback=allow)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("a.LOCALHOST.", True),
        ("127.0.0.1", True),
        ("::1", True),
        ("notlocalhost", False),
        ("localhost.example.org", False),
        ("::ffff:127.0.0.1", False),
        ("127.1", False),
    ],
)
def test_it_knows_a_name_of_this_machine(host: str, expected: bool) -> None:
    assert is_loopback_name(host) is expected


def test_a_key_is_for_scheme_host_and_port() -> None:
    assert origin_of("https://api.example.org/v1") == "https://api.example.org"
    assert origin_of("http://[::1]:11434/v1") == "http://[::1]:11434"
    assert origin_of("https://[::1") == "https://[::1"


@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:8841/admin/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://0.0.0.0/",
        "http://10.1.2.3/a.png",
        "http://192.168.0.1/a.png",
        "http://[::1]/a.png",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00::1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://localhost/a.png",
        "http://LOCALHOST./a.png",
        "http://a.localhost/",
        "http://printer.local/a.png",
        "http://metadata.google.internal/computeMetadata/v1/",
        "http://router/a.png",
        "http://nas.lan/a.png",
        "http://nas.home.arpa/a.png",
        "http://user:pass@example.org/a.png",
        "http://user@example.org/a.png",
        "https://example.org#@127.0.0.1/a.png",
        "https://example.org?@127.0.0.1/a.png",
        "https://example.org\\@127.0.0.1/a.png",
        "https://127.0.0.1\u3002/a.png",
        "https://",
    ],
)
def test_a_provider_fetches_no_file_from_inside_a_network(url: str) -> None:
    with pytest.raises(AddressRefused):
        check_fetched_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/a.png",
        "http://example.org/a.png",
        "https://8.8.8.8:8443/a.png",
        "https://example.org/@someone/a.png?size=1#top",
        "https://www.youtube.com/watch?v=dQw4w9WgXcQ",
        "https://generativelanguage.googleapis.com/v1beta/files/abc-123",
        "https://bücher.example/a.png",
    ],
)
def test_a_provider_may_fetch_what_everybody_can(url: str) -> None:
    check_fetched_url(url)
