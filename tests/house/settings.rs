//! The configuration as its users meet it: files, variables, flags, mistakes and the page about it.

#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::path::Path;
use std::time::Duration;

use anju::config::{Config, LogFormat, SETTINGS, check_variables, document};
use expect_test::{Expect, expect, expect_file};

fn nothing(_: &str) -> Option<String> {
    None
}

fn flags(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn with_file<T>(text: &str, run: impl FnOnce(&Path) -> T) -> T {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("anju.toml");
    std::fs::write(&path, text).unwrap();
    run(&path)
}

/// The mistakes of a file and flags, a line each, with the file's path shortened.
fn mistakes(text: &str, given: &[(&str, &str)], expected: &Expect) {
    let shown = with_file(text, |path| {
        let violations = Config::load(Some(path), &nothing, &flags(given)).unwrap_err();
        let lines = violations
            .list()
            .iter()
            .map(|violation| {
                format!("{} {}: {}\n", violation.reason, violation.field, violation.message)
            })
            .collect::<Vec<_>>();
        lines.concat().replace(&path.display().to_string(), "anju.toml")
    });
    expected.assert_eq(&shown);
}

#[test]
fn the_page_about_settings_is_the_table() {
    expect_file!["../../docs/configuration.md"].assert_eq(&document());
}

#[test]
fn the_defaults_are_what_the_page_says() {
    let config = Config::load(None, &nothing, &[]).unwrap();
    expect![[r#"
        data_dir = "./anju-data"  # default
        listen = "127.0.0.1:50051"  # default
        # metrics_listen is not set
        # tls.certificate is not set
        # tls.key is not set
        tls.reload_s = 60  # default
        # auth.token_file is not set
        log.format = "text"  # default
        log.level = "info"  # default
        store.cache_mib = 256  # default
        store.buffer_mib = 64  # default
        store.segment_mib = 64  # default
        store.disk_reserve_mib = 1024  # default
        writer.queue = 1024  # default
        writer.batch_commands_max = 256  # default
        limits.request_mib = 8  # default
        limits.concurrent_requests = 1024  # default
        watch.buffer_entries = 1024  # default
        shutdown_s = 10  # default
        clock.allow_behind = false  # default
    "#]]
    .assert_eq(&config.render());
    assert_eq!(config.token_file, Path::new("./anju-data/tokens.toml"));
    assert_eq!(config.store.cache_bytes, 256 << 20);
    assert_eq!(config.limits.request_bytes, anju::kernel::limit::REQUEST_BYTES_MAX);
    assert_eq!(config.shutdown, Duration::from_secs(10));
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!((config.tls, config.metrics_listen), (None, None));
    for setting in SETTINGS {
        let has_value = config_has(setting.name);
        assert_eq!(has_value, setting.default.is_some(), "{}", setting.name);
    }
}

fn config_has(name: &str) -> bool {
    let rendered = Config::load(None, &nothing, &[]).unwrap().render();
    rendered.lines().any(|line| line.starts_with(&format!("{name} = ")))
}

#[test]
fn a_flag_wins_over_the_environment_over_the_file_over_the_default() {
    let text = "shutdown_s = 1\n[writer]\nqueue = 1\nbatch_commands_max = 0x10\n[log]\nformat = \"json\"\n";
    let environment = |name: &str| match name {
        "ANJU_SHUTDOWN_S" | "ANJU_WRITER_QUEUE" => Some("2".to_owned()),
        "ANJU_LOG_FORMAT" => Some(String::new()),
        _ => None,
    };
    let config = with_file(text, |path| {
        Config::load(Some(path), &environment, &flags(&[("shutdown_s", "3")])).unwrap()
    });
    assert_eq!(config.shutdown, Duration::from_secs(3));
    assert_eq!(config.writer.queue, 2);
    assert_eq!(config.writer.batch_commands_max, 16);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.watch_buffer_entries, 1024);
    let rendered = config.render();
    assert!(rendered.contains("shutdown_s = 3  # flag\n"), "{rendered}");
    assert!(rendered.contains("writer.queue = 2  # environment ANJU_WRITER_QUEUE\n"), "{rendered}");
    assert!(rendered.contains("anju.toml line 6\n"), "{rendered}");
}

#[test]
fn what_is_shown_is_a_file_that_means_the_same() {
    let given = flags(&[
        ("listen", "[::]:7"),
        ("tls.certificate", "a \"b\"\\c.pem"),
        ("tls.key", "居.key"),
        ("clock.allow_behind", "true"),
        ("metrics_listen", "10.0.0.1:9"),
        ("log.level", "info,anju::request=warn"),
    ]);
    let first = Config::load(None, &nothing, &given).unwrap();
    let second =
        with_file(&first.render(), |path| Config::load(Some(path), &nothing, &[]).unwrap());
    let bare = |config: &Config| {
        let lines = config.render();
        lines.lines().map(|line| line.split("  # ").next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(bare(&first), bare(&second));
    assert_eq!(first.tls, second.tls);
    assert_eq!(second.tls.unwrap().certificate, Path::new("a \"b\"\\c.pem"));
    assert!(second.clock_allow_behind);
}

#[test]
fn all_mistakes_come_at_once() {
    mistakes(
        "
listn = \"127.0.0.1:1\"
data_dir = 3
metrics_listen = \"localhost:1\"
shutdown_s = \"10\"
[tsl]
key = \"k\"
[tls]
certificate = \"c\"
[store]
cache_mib = 4
segment_mib = -1
[log]
format = \"xml\"
level = \"loud\"
[colours]
[limits]
",
        &[
            ("writer.queue", "0"),
            ("nonsense", "1"),
            ("clock.allow_behind", "yes"),
            ("data_dir", ""),
        ],
        &expect![[r#"
            UNKNOWN_SETTING colours: there is no such setting (anju.toml line 16)
            WRONG_TYPE data_dir: is to be a text in quotes, not integer (anju.toml line 3)
            UNKNOWN_SETTING listn: there is no such setting; did you mean listen? (anju.toml line 2)
            BAD_VALUE log.format: is to be one of text, json; not "xml" (anju.toml line 14)
            BAD_VALUE log.level: is to be error, warn, info, debug, trace or off, or pairs such as info,anju::request=warn; not "loud" (anju.toml line 15)
            BAD_VALUE metrics_listen: is to be an address and a port, for example 127.0.0.1:50051; not "localhost:1" (anju.toml line 4)
            WRONG_TYPE shutdown_s: is to be a number without quotes, not string (anju.toml line 5)
            BAD_VALUE store.cache_mib: is to be a whole number of MiB from 8 to 1048576; not "4" (anju.toml line 11)
            BAD_VALUE store.segment_mib: is to be a whole number of MiB from 1 to 1024; not "-1" (anju.toml line 12)
            UNKNOWN_SETTING tsl.key: there is no such setting; did you mean tls.key? (anju.toml line 7)
            BAD_VALUE writer.queue: is to be a whole number of commands from 1 to 1000000; not "0" (flag)
            UNKNOWN_SETTING nonsense: there is no such setting (flag)
            BAD_VALUE clock.allow_behind: is to be true or false; not "yes" (flag)
            BAD_VALUE data_dir: is not to be empty (flag)
            REQUIRED tls.key: tls.certificate is set, so this must be
        "#]],
    );
}

#[test]
fn a_misspelt_variable_is_noticed() {
    let names = ["PATH", "ANJU_LISTEN", "ANJU_TOKEN", "ANJU_TEST_REQUIRE", "ANJU_STORE_CACHE_MB"]
        .map(str::to_owned);
    let violations = check_variables(names, &["ANJU_TOKEN"]).unwrap_err();
    assert_eq!(
        violations.to_string(),
        "ANJU_STORE_CACHE_MB: there is no such setting; did you mean ANJU_STORE_CACHE_MIB? \
         (environment)"
    );
}

#[test]
fn a_broken_file_is_named_by_line() {
    mistakes(
        "listen = \n\nlisten = 3 4\n",
        &[],
        &expect![[r"
        NOT_TOML file: string values must be quoted, expected literal string (anju.toml line 1)
        NOT_TOML file: string values must be quoted, expected literal string (anju.toml line 3)
        NOT_TOML file: duplicate key (anju.toml line 3)
    "]],
    );
    let missing = Config::load(Some(Path::new("/nowhere/anju.toml")), &nothing, &[]).unwrap_err();
    assert_eq!(missing.list()[0].reason, "FILE_UNREADABLE");
}

#[test]
fn without_tls_only_this_machine_is_served() {
    for address in ["127.0.0.1:50051", "127.8.8.8:1", "[::1]:50051"] {
        assert!(Config::load(None, &nothing, &flags(&[("listen", address)])).is_ok(), "{address}");
    }
    let open = [("listen", "0.0.0.0:50051")];
    mistakes(
        "",
        &open,
        &expect![[r"
        TLS_REQUIRED listen: 0.0.0.0:50051 can be reached from other machines and there is no TLS: set tls.certificate and tls.key, or listen on 127.0.0.1:50051
    "]],
    );
    let secured = flags(&[open[0], ("tls.certificate", "c"), ("tls.key", "k")]);
    assert!(Config::load(None, &nothing, &secured).is_ok());
    mistakes(
        "",
        &[open[0], ("tls.key", "k")],
        &expect![[r"
        REQUIRED tls.certificate: tls.key is set, so this must be
        TLS_REQUIRED listen: 0.0.0.0:50051 can be reached from other machines and there is no TLS: set tls.certificate and tls.key, or listen on 127.0.0.1:50051
    "]],
    );
}
