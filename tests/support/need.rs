//! Programs that some tests drive and that `cargo test` must do without: a test that misses one
//! says so aloud and passes. With `ANJU_TEST_REQUIRE=all`, as `.ci/run` sets it, it fails instead.

use std::{
    path::Path,
    process::{Command, Stdio},
};

/// Whether the program can be run; `arguments` make it end at once and well.
pub(crate) fn runs(program: &Path, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Says that a test is left out for want of something.
///
/// Written past the test harness, which keeps to itself what a passing test prints.
pub(crate) fn skipped(what: &str) {
    use std::io::Write as _;
    let all_required = std::env::var("ANJU_TEST_REQUIRE").is_ok_and(|required| required == "all");
    assert!(!all_required, "ANJU_TEST_REQUIRE=all, and {what} is missing");
    let mut stderr = std::io::stderr();
    writeln!(stderr, "skipped: needs {what}").unwrap();
}
