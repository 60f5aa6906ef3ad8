"""The settings: read from four places, checked at once."""

import pytest

from dispatchserver.domain.errors import Refused
from dispatchserver.messages import LANGUAGES, say_error
from dispatchserver.settings import Settings, machine_zone
from dispatchserver.settingsources import Misconfigured, load


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def file(tmp_path):
    """Writes a settings file and answers its path."""

    def write(text):
        path = tmp_path / "some.toml"
        path.write_text(text, "utf-8")
        return path

    return write


def refusal(flags=None, environ=None, config=None):
    with pytest.raises(Misconfigured) as caught:
        load(flags or {}, environ or {}, config)
    for lang in LANGUAGES:
        assert say_error(lang, caught.value)
    return say_error("en", caught.value)


def test_the_defaults_are_safe_to_start_with():
    settings, sources = load({}, {})
    assert (settings.host, settings.port, settings.auth) == ("127.0.0.1", 8080, "auto")
    assert set(sources.values()) == {"default"}
    assert set(sources) == set(Settings.model_fields)


@pytest.mark.parametrize(
    ("places", "port", "source"),
    [
        ("file env flag", 3, "flag"),
        ("file env", 2, "environment"),
        ("file", 1, "file"),
        ("", 8080, "default"),
    ],
)
def test_a_flag_goes_over_the_environment_over_the_file(file, places, port, source):
    flags = {"port": "3"} if "flag" in places else {"port": None}
    environ = {"DISPATCH_PORT": "2"} if "env" in places else {}
    config = file("port = 1") if "file" in places else None
    settings, sources = load(flags, environ, config)
    assert settings.port == port
    assert sources["port"] == (f"file {config}" if source == "file" else source)


def test_a_file_in_the_working_folder_is_found(tmp_path):
    (tmp_path / "dispatchserver.toml").write_text('lang = "en"\nallowed_hosts = ["a", "b"]\n')
    settings, sources = load({}, {})
    assert (settings.lang, settings.allowed_hosts) == ("en", ("a", "b"))
    assert sources["lang"] == "file dispatchserver.toml"


def test_a_variable_may_name_a_file_that_holds_the_value(file):
    environ = {"DISPATCH_DATABASE_URL_FILE": str(file(" sqlite:///secret.db\n"))}
    assert load({}, environ)[0].database_url == "sqlite:///secret.db"


def test_names_in_a_variable_are_parted_by_commas():
    environ = {"DISPATCH_ALLOWED_HOSTS": " a.example, b.example ,,"}
    assert load({}, environ)[0].allowed_hosts == ("a.example", "b.example")


@pytest.mark.parametrize(
    "name", ["DISPATCH_URL", "DISPATCH_TOKEN", "DISPATCH_CONFIG", "OTHER_PORT"]
)
def test_other_variables_are_none_of_ours(name):
    assert set(load({}, {name: "x"})[1].values()) == {"default"}


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"DISPATCH_PROT": "1"}, "prot (environment): is no setting; did you mean port?"),
        ({"DISPATCH_XYZZY": "1"}, "config show"),
        ({"DISPATCH_PORT": "x"}, "port (environment): must be a whole number (sent: x)"),
        ({"DISPATCH_PORT": "65536"}, "port (environment): must be at most 65535 (sent: 65536)"),
        ({"DISPATCH_SLOTS": "0"}, "slots (environment): must be at least 1 (sent: 0)"),
        ({"DISPATCH_CONNECT_TIMEOUT": "soon"}, "must be a number (sent: soon)"),
        ({"DISPATCH_CONNECT_TIMEOUT": "nan"}, "connect_timeout (environment): must be a"),
        ({"DISPATCH_CONNECT_TIMEOUT": "inf"}, "connect_timeout (environment): must be"),
        ({"DISPATCH_DNS_TIMEOUT": "0"}, "dns_timeout (environment): must be at least 0.05"),
        (
            {"DISPATCH_FIRST_BYTE_TIMEOUT": "31"},
            "first_byte_timeout (environment): must not be longer than the whole call may take, 30 s (sent: 31)",
        ),
        ({"DISPATCH_LANG": "fr"}, "lang (environment): must be one of: zh, en (sent: fr)"),
        ({"DISPATCH_AUTH": "no"}, "must be one of: auto, token, off (sent: no)"),
        ({"DISPATCH_TIMEZONE": "Shanghai"}, "Asia/Shanghai"),
        ({"DISPATCH_DATABASE_URL": "mysql://x"}, "must be sqlite:///PATH"),
        ({"DISPATCH_DATABASE_URL": "sqlite:///"}, "must be sqlite:///PATH"),
        ({"DISPATCH_HOST": ""}, "host (environment): "),
        ({"DISPATCH_PORT_FILE": "/nowhere"}, "DISPATCH_PORT_FILE: cannot be read"),
    ],
)
def test_a_faulty_variable_is_told_with_what_is_allowed(environ, words):
    assert words in refusal(environ=environ)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("port = ", "some.toml: cannot be read"),
        ("[server]\nport = 1", "server (file"),
        ("port = 1.5", "must be a whole number"),
        ('allowed_hosts = "a"', "must be a list of names"),
        ("host = 5", "must be text"),
    ],
)
def test_a_faulty_file_is_told_with_what_is_allowed(file, text, words):
    assert words in refusal(config=file(text))


def test_a_file_that_is_not_there_is_told(tmp_path):
    assert "nowhere.toml: cannot be read" in refusal(config=tmp_path / "nowhere.toml")


def test_all_faults_are_told_at_once_each_with_its_place(file):
    text = refusal({"lang": "fr"}, {"DISPATCH_SLOTS": "0"}, file("colour = 1"))
    assert "lang (flag)" in text and "slots (environment)" in text and "colour (file" in text
    assert issubclass(Misconfigured, Refused)


@pytest.mark.parametrize(
    ("tz", "zone"), [("Europe/Paris", "Europe/Paris"), (":Asia/Tokyo", "Asia/Tokyo")]
)
def test_the_machines_zone_is_what_tz_names(monkeypatch, tz, zone):
    monkeypatch.setenv("TZ", tz)
    assert machine_zone() == zone
