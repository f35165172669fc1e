//! Every text of this folder, played on both floors: in process, and over a connection.

use std::{fs, path::PathBuf};

use expect_test::expect_file;

use crate::{floor::Floor, in_process::InProcess, over_grpc::OverGrpc, play::play, reader::read};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios")
}

/// Plays a text on both floors, which must say the same, and compares it with what is written.
fn holds(name: &str) {
    let path = folder().join(format!("{name}.txt"));
    let text = fs::read_to_string(&path).unwrap();
    let file = format!("tests/scenarios/{name}.txt");
    let lines = read(&file, &text).unwrap_or_else(|bad| panic!("{bad}"));
    let on = |floor: &mut dyn Floor| play(&lines, floor);
    let in_process = on(&mut InProcess::new());
    let over_grpc = on(&mut OverGrpc::new());
    expect_file![path].assert_eq(&in_process);
    for (number, (one, other)) in in_process.lines().zip(over_grpc.lines()).enumerate() {
        let line = number + 1;
        assert_eq!(one, other, "{file}:{line}: in process on the left, over gRPC on the right");
    }
    assert_eq!(in_process, over_grpc, "{file}: the floors differ");
}

macro_rules! scenarios {
    ($($test:ident $name:literal,)*) => {
        const NAMES: &[&str] = &[$($name),*];
        $(#[test] fn $test() { holds($name); })*
    };
}

scenarios! {
    a_building_is_demolished_while_it_is_lived_in "demolished-while-lived-in",
    buildings_and_flats_are_merged_and_split "merges-and-splits",
    what_was_taken_back_wrongly_is_there_again "taken-back",
    what_was_entered_in_error_never_was "error-or-demolition",
    borders_and_codes_change "borders-and-codes",
    a_report_is_found_false "false-report",
    a_paper_comes_late "late-paper",
    some_lives_nobody_can_have "never-so",
    what_was_accepted_gives_way_to_what_was_accepted "superseded",
    a_signer_is_found_invalid "invalid-signer",
    a_building_moves_to_another_compound "moved-building",
    dates_are_imprecise "imprecise-dates",
    one_defect_is_seen_by_three "seen-by-three",
    the_cycles_of_a_draft_are_kept_row_by_row "cycles-of-a-draft",
    something_ends_after_the_move "end-after-the-move",
    a_defect_lives_on_in_what_the_building_became "defects-live-on",
    an_insured_building_is_demolished "demolished-while-insured",
    a_cover_period_is_moved_by_a_correction "cover-period-trap",
    what_is_seen_again_is_not_repaired "seen-again",
    what_has_ended_is_joined_with_nothing "joined-with-ended",
    a_report_is_of_another_building "report-of-another-building",
    a_notice_was_of_another_day "notice-day",
    the_day_of_an_inspection_was_misread "misread-day",
    one_roof_is_paid_for_by_several "paid-for-twice",
    what_was_paid_does_not_vanish "paid-and-taken-back",
    a_repair_is_paid_for_by_its_name "repair-by-its-name",
    a_loss_is_told_once_and_on_its_policy "told-twice",
}

#[test]
fn every_text_of_the_folder_is_played() {
    let files = fs::read_dir(folder()).unwrap().map(|file| file.unwrap().path());
    let texts = files.filter(|path| path.extension().is_some_and(|end| end == "txt"));
    let mut texts: Vec<_> =
        texts.map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    texts.sort();
    let mut names = NAMES.to_vec();
    names.sort_unstable();
    assert_eq!(texts, names);
}

#[test]
fn a_line_that_nobody_understands_is_refused_with_its_file_and_number() {
    let page = "# A page.\n\nprovince 河南省\n    none\n";
    let wrong = [
        ("paint 河南省 red", "there is no line `paint …`"),
        ("city 郑州市 in 河北省", "nothing is called `河北省`"),
        ("province 河南省", "something is called `河南省` already"),
        ("retract 河南省", "this says why: `because …`"),
        ("change 河南省 name=河南", "`from …` is missing"),
        ("correct 河南省 because 无", "a correction says what was wrong"),
        ("totals of 河南省 since 2020", "what is `since 2020`?"),
        ("life of 河南省 on 2020-13-01", "`2020-13-01` is no day"),
        ("today", "the day is missing"),
        ("end 河南省 on 2020-01-01 as mayor", "nobody is `mayor`"),
    ];
    for (line, why) in wrong {
        let bad = read("one.txt", &format!("{page}{line}\n")).unwrap_err();
        assert_eq!(bad, format!("one.txt:5: {why}"));
    }
}
