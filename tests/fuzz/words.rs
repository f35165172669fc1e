//! Short texts: ids, days, positions, cells, flags, searched words.

use std::{fmt::Display, str::FromStr};

use anju::{
    cli::set,
    domain::{house_code, place::Crs, text},
    exchange::cell,
    kernel::{
        hash::Hash,
        id::{
            BodyId, BuildingId, CaseId, CompoundId, FindingId, Kind, OrderId, PlanId, RegionId,
            ReportId, SignerId, SubjectId, UnitId,
        },
        position::Position,
        time::{Day, ImpreciseDay, Stamp},
    },
};

use crate::mutate::Door;

fn samples(texts: &[&str]) -> Vec<Vec<u8>> {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// What is read is shown so that it is read again.
fn again<T: FromStr + Display + PartialEq + std::fmt::Debug>(text: &str) {
    let Ok(read) = text.parse::<T>() else { return };
    let shown = read.to_string();
    let Ok(twice) = shown.parse::<T>() else {
        panic!("{text:?} is shown as {shown:?}, which nobody reads");
    };
    assert_eq!(twice, read, "{text:?} is shown as {shown:?}");
}

#[test]
fn ids_and_positions_are_read_as_they_are_shown() {
    let door = Door {
        name: "ids",
        samples: samples(&[
            "bld_01J8ZQ4T5GC00002000000004Z",
            "rgn_01HF7YAT000000E0000000001A",
            "cmp_01KAV9FT00000020000000000Q",
            "bld_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
            "fnd_00000000000000000000000000",
            "1:1",
            "16777215:18446744073709551615",
            "0:0",
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        ]),
        words: &["bld_", "rgn_", "unt_", "xyz_", "_", "8", "I", "l", "o", "U", "01J8"],
        inputs: 2_000,
    };
    door.throw(|input| {
        let text = String::from_utf8_lossy(input);
        again::<SubjectId>(&text);
        again::<RegionId>(&text);
        again::<CompoundId>(&text);
        again::<BuildingId>(&text);
        again::<UnitId>(&text);
        again::<CaseId>(&text);
        again::<BodyId>(&text);
        again::<SignerId>(&text);
        again::<PlanId>(&text);
        again::<OrderId>(&text);
        again::<ReportId>(&text);
        again::<FindingId>(&text);
        again::<Position>(&text);
        if let Some(hash) = Hash::from_hex(&text) {
            assert_eq!(Hash::from_hex(&hash.to_string()), Some(hash));
        }
    });
}

#[test]
fn days_are_read_as_they_are_shown() {
    let door = Door {
        name: "days",
        samples: samples(&[
            "2024-03-01",
            "2024-02-29",
            "2024-07",
            "2024",
            "1980s",
            "<1986",
            "1983..1985",
            "1985-12..1986-01",
            "unknown",
            "0001-01-01",
            "9999-12-31",
            "2026-06-01T04:00:00Z",
            "2026-06-01T04:00:00.123456Z",
            "1985年3月",
            "80年代",
            "1985年以前",
            "不详",
            "1985年3月1日",
            "20世纪80年代",
            "1985/3/1",
        ]),
        words: &[
            "..", "<", ">", "s", "-", "unknown", "年", "月", "日", "年代", "以前", "T", "Z",
            "+08:00",
        ],
        inputs: 2_000,
    };
    door.throw(|input| {
        let text = String::from_utf8_lossy(input);
        again::<Day>(&text);
        again::<ImpreciseDay>(&text);
        again::<Stamp>(&text);
        for day in [text.parse::<ImpreciseDay>().ok(), cell::imprecise_day(&text).ok()] {
            let Some(day) = day else { continue };
            assert!(day.earliest() <= day.latest(), "{text:?}");
            again::<ImpreciseDay>(&day.to_string());
        }
        if let Ok(day) = cell::exact_day(&text) {
            again::<Day>(&day.to_string());
        }
    });
}

#[test]
fn cells_are_read_as_they_are_shown() {
    let door = Door {
        name: "cells",
        samples: samples(&[
            "98.47",
            "-1",
            "1234.5㎡",
            "1.2万",
            "6层",
            "18.3",
            "113.6654",
            "a|b|x\\|y",
            "'=1+1",
            "=SUM(A1)",
            "(无)",
            "(none)",
            "",
            "未知",
            "410102001001",
            "CGCS2000",
            "EPSG:4545",
            "410102001001GB00001F00010001",
            "1",
            "9007199254740993",
        ]),
        words: &["|", "\\", "'", "=", "+", "@", "㎡", "m²", "平方米", "万", "亿", ".", "-", "e"],
        inputs: 2_000,
    };
    door.throw(|input| {
        let text = String::from_utf8_lossy(input);
        for decimals in [0, 2, 4, 7] {
            if let Ok(number) = cell::scaled(&text, decimals) {
                let shown = cell::show_scaled(number, decimals);
                assert_eq!(cell::scaled(&shown, decimals).ok(), Some(number), "{text:?} {shown}");
            }
            let _ = cell::scaled_with_unit(&text, &[("m²", 4), ("㎡", 4)], decimals);
        }
        let _ = cell::whole(&text, &["层", "年"], -5, 100);
        let _ = cell::degrees(&text, 180);
        let _ = cell::is_none(&text) || cell::is_unknown(&text);
        let parts = cell::split(&text);
        assert_eq!(cell::split(&cell::join(&parts)), parts, "{text:?}");
        let guarded = cell::guard(&text);
        assert_eq!(cell::unguard(&guarded).0, text, "{guarded:?}");
        let _ = text.parse::<Crs>();
        let _ = (house_code::remainder(&text), house_code::check(&text, None));
        let _ = house_code::check_real_estate(&text);
    });
}

#[test]
fn names_and_addresses_are_taken_apart_for_searches() {
    let door = Door {
        name: "names",
        samples: samples(&[
            "人民路12号院3号楼2单元101",
            "示例小区",
            "Block 12-A",
            "第１２栋",
            "十二号楼",
            "13812345678",
            "41010519491231002X",
            "a\u{301}b",
            "12345678901234567890",
        ]),
        words: &["号", "楼", "十", "百", "廿", "〇", "二十三", "0012", "-", "A", " "],
        inputs: 2_000,
    };
    door.throw(|input| {
        let text = String::from_utf8_lossy(input);
        let shape = text::shape(&text);
        let _ = (text::grams(&shape.shape), text::posting_key(&shape.numbers));
        let query = text::query(&text);
        let _ = (query.grams(), text::numbers_prefix(&query, &shape.shape));
        if !query.is_empty() {
            assert!(text::matches(&query, &text), "{text:?} is not found by itself");
            assert!(text::matches_shape(&query, &shape.shape), "{text:?}, {:?}", shape.shape);
        }
        let _ = text::identity_violation(&text);
    });
}

#[test]
fn flags_of_the_command_line_are_read_or_told() {
    let door = Door {
        name: "flags",
        samples: samples(&[
            "name=1号楼",
            "floor_area_m2=98.47",
            "use=dwelling",
            "use=住宅",
            "height_m=18.3",
            "location=wgs84:113.6654,34.7579",
            "identifiers.census=77",
            "doubts.completed=why",
            "boundary=cgcs2000:113.1,34.1;113.2,34.1;113.2,34.2",
            "completed=1980s",
            "compound_id=cmp_01KAV9FT00000020000000000Q",
            "codes.gbt2260=410100",
            "qualifications=scope=structure,certificate=C,from=2010,until=2020,suspended=2015/2016",
            "employments=body_id=bdy_01KAV9FT00000020000000000Q,from=2010",
            "cgcs2000:113.60,34.70;113.70,34.80",
        ]),
        words: &["=", ".", ",", ";", ":", "identifiers.", "doubts.", "_m2", "suspended=", "/"],
        inputs: 1_500,
    };
    door.throw(|input| {
        let text = String::from_utf8_lossy(input).into_owned();
        for kind in Kind::ALL {
            let (said, violations) = set::read(kind, std::slice::from_ref(&text), &[]);
            let is_said = said.is_some_and(|said| !said.mask.is_empty());
            assert!(is_said || !violations.is_empty(), "{text:?} of a {}", kind.word());
            let _ = set::read(kind, &[], std::slice::from_ref(&text));
        }
        let _ = set::bounding_box(&text);
    });
}
