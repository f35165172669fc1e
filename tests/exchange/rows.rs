//! Rows of files: what is wrong with them is said, and what is written is read back.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test ends at the first surprise")]

use std::{fmt::Write as _, fs, io::Cursor};

use anju::{
    exchange::{
        column::{By, Column, FileKind, Form, Word},
        draft::{Draft, EXPORT_SOURCE, by_id},
        header::{Layout, Mapping},
        row::{self, REASONS},
        table::Table,
        write::{Mark, RowWriter},
    },
    kernel::{
        id::{Kind, RawId, SubjectId},
        position::Partition,
    },
    proto::v1::{
        Boundary, Building, BuildingFields, Compound, CompoundFields, ExportReference, ExportRow,
        FieldDoubt, Identifier, ImportBuilding, ImportCompound, ImportRegion, ImportRow,
        ImportSuccessor, ImportUnit, Life, Location, Presence, Reference, Region, RegionFields,
        Relative, SourceKey, Unit, UnitFields, Vertex, export_row::Subject, import_row::Row,
        reference,
    },
};
use expect_test::{Expect, expect, expect_file};
use proptest::{collection::vec, option, prelude::*};

fn table(bytes: &[u8]) -> Table {
    Table::read(Cursor::new(bytes.to_vec())).unwrap()
}

fn layout(kind: FileKind, table: &Table) -> Layout {
    Layout::bind(kind, table.headers(), &Mapping::default(), false)
        .unwrap_or_else(|faults| panic!("{faults:?}"))
}

/// Each row's key, or the line, columns and reasons of what is wrong with it.
fn check(kind: FileKind, text: &str, expected: Expect) {
    let table = table(text.as_bytes());
    let layout = layout(kind, &table);
    let mut found = String::new();
    for record in table {
        let record = record.unwrap();
        match row::read(&layout, &record) {
            Ok(draft) => writeln!(found, "{} {}", record.line, draft.key.unwrap()).unwrap(),
            Err(faults) => {
                for fault in faults {
                    assert!(REASONS.iter().any(|(reason, _)| *reason == fault.reason), "{fault}");
                    writeln!(found, "{} {fault}", record.line).unwrap();
                }
            }
        }
    }
    expected.assert_eq(&found);
}

#[test]
fn a_bad_row_is_told_by_line_column_and_reason_and_stops_no_other() {
    check(
        FileKind::Buildings,
        "编号,小区编号,竣工日期,结构类型,层数,建筑面积(m²),建筑高度,经度,纬度,坐标系,电梯数,设计使用年限,房屋用途
b1,c1,80年代,砖混,6层,1234.5㎡,18.3,113.6,34.7,CGCS2000,0,50年,住宅
b2,c1,85年,砖头,6.5,1.2万,十八米,113.6,,,两部,500,住房
,,2000,砖木,3,98.00001,9,,,,,,
b3,c1,不详,未知,不详,,(无),,,,,,(none)
b4,c1,2001,REINFORCED_CONCRETE,12,-1,36.123,200,95,WGS84,1,,dwelling,多余
b5,c1
",
        expect![[r#"
            2 b1
            3 竣工日期 NOT_A_DAY: "85年" is not a day; write 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985 or unknown (or 1985年3月, 80年代, 1985年以前, 不详)
            3 结构类型 UNKNOWN_WORD: "砖头" is none of BRICK_CONCRETE (砖混), BRICK_TIMBER (砖木), TIMBER (木结构), REINFORCED_CONCRETE (钢筋混凝土), STEEL (钢结构), STEEL_CONCRETE (钢和钢筋混凝土混合), OTHER (其他)
            3 层数 NOT_A_NUMBER: "6.5" is not a whole number
            3 建筑面积(m²) UNIT_NOT_TAKEN: numbers in 万 or 亿 are not taken: write all digits
            3 建筑高度 NOT_A_NUMBER: "十八" is not a decimal number like 98.47
            3 电梯数 NOT_A_NUMBER: "两部" is not a whole number
            3 设计使用年限 OUT_OF_RANGE: 500 is not between 1 and 200
            3 房屋用途 UNKNOWN_WORD: "住房" is none of DWELLING (住宅), MIXED (商住), COMMERCE (商业), OFFICE (办公), INDUSTRY (工业仓储), EDUCATION (教育), HEALTH (医疗), OTHER (其他)
            3 经度 COORDINATES_INCOMPLETE: longitude, latitude and location_system are given together
            4 建筑面积(m²) TOO_PRECISE: "98.00001" has more than 4 decimals; nothing is rounded in silence
            4 编号 REQUIRED: key must not be empty
            4 小区编号 REQUIRED: compound_id must not be empty
            5 b3
            6 建筑面积(m²) OUT_OF_RANGE: -1 m² is not between 0.0001 and 1000000 m²
            6 建筑高度 TOO_PRECISE: "36.123" has more than 2 decimals; nothing is rounded in silence
            6 经度 NOT_A_COORDINATE: "200" is beyond 180 degrees
            6 纬度 NOT_A_COORDINATE: "95" is beyond 90 degrees
            6 FIELD_COUNT: 14 cells below 13 columns; is a comma not quoted?
            7 FIELD_COUNT: 2 cells below 13 columns; is a comma not quoted?
        "#]],
    );
}

#[test]
fn references_identifiers_and_outlines_are_checked() {
    check(
        FileKind::Compounds,
        r"key,name,community_code,community_id,identifiers,boundary,aliases,management,exists_from
c1,春和苑,410102001001,,a:1|b:x\|y,CGCS2000;113.1 34.1;113.2 34.1;113.2 34.2,一|二,物业企业,<2000
c2,春和苑,4.10102E+11,,a,CGCS2000;113.1 34.1,,管家,
c3,春和苑,,cmp_01HF7YAT000000E0000000001A,:1,113.1 34.1,,,
c4,春和苑,410102001001,rgn_01HF7YAT000000E0000000001A,(none),WGS84;a b;c d;e f,,,
c5,,,,,,,,
c6,春和苑,410102001001,,,,1|2|3|4|5|6|7|8|9|10|11|12|13|14|15|16|17,,明天
",
        expect![[r#"
            2 c1
            3 community_code NOT_A_CODE: "4.10102E+11" is not a statistical code of 12 digits; a spreadsheet may have made a number of it
            3 identifiers NOT_AN_IDENTIFIER: "a" is not scheme:value
            3 boundary NOT_AN_OUTLINE: 1 points; 3 to 500 are taken
            3 management UNKNOWN_WORD: "管家" is none of COMPANY (物业企业), SELF (业主自管), COMMUNITY (社区代管), WORK_UNIT (单位管理), NONE (无管理)
            4 community_id NOT_AN_ID: the id of a compound; of a region is asked for
            4 identifiers NOT_AN_IDENTIFIER: ":1" is not scheme:value
            4 boundary NOT_AN_OUTLINE: an outline is SYSTEM;longitude latitude;…
            5 community_id REFERENCE_TWICE: another column names it already
            5 identifiers NOT_CLEARABLE: "identifiers" cannot be said to be none
            5 boundary NOT_A_COORDINATE: "a" is not a decimal number like 98.47 of degrees
            6 name REQUIRED: name must not be empty
            6 community_id REQUIRED: community_id must not be empty
            7 aliases TOO_MANY: at most 16 are taken
            7 exists_from NOT_A_DAY: "明天" is not a day; write 2024-07-01, 2024-07, 2024, 1980s, <1986, 1983..1985 or unknown (or 1985年3月, 80年代, 1985年以前, 不详)
        "#]],
    );
}

#[test]
fn units_and_regions_say_what_they_miss() {
    check(
        FileKind::Units,
        "key,building_key,单元,楼层,房号,面积,用途,from,不动产单元号
u1,b1,1单元,-1层,101,89.5,车库,2024-07-01,410102001001GB00001F00010001
u2,,1单元,一楼,101,89.5,卧室,2024-07,(无)
",
        expect![[r#"
            2 u1
            3 楼层 NOT_A_NUMBER: "一楼" is not a whole number
            3 用途 UNKNOWN_WORD: "卧室" is none of DWELLING (住宅), COMMERCE (商业), OFFICE (办公), GARAGE (车库), STORAGE (储藏), OTHER (其他)
            3 from NOT_A_DAY: "2024-07" is not one day, as 2024-07-01 is
            3 building_key REQUIRED: building_id must not be empty
        "#]],
    );
    check(
        FileKind::Regions,
        "key,level,name,parent_key,opens_partition,gbt2260
41,省,河南省,,,410000
4101,CITY,郑州市,41,是,410100
4102,地级市,,,maybe,
4103,州,开封市,41,,
",
        expect![[r#"
            2 41
            3 4101
            4 opens_partition NOT_A_FLAG: "maybe" is neither true nor false
            4 name REQUIRED: name must not be empty
            4 parent_key REQUIRED: parent_id must not be empty
            5 level UNKNOWN_WORD: "州" is none of PROVINCE (省), CITY (市), DISTRICT (区县), STREET (街道), COMMUNITY (社区)
        "#]],
    );
}

#[test]
fn a_row_that_ended_and_a_row_that_clears_are_read_as_such() {
    let text = "key,building_key,floor,number,ended_on,注销原因\n\
                u1,b1,(none),(无),2020,拆除\nu2,b1,不详,无,,\n";
    let table = table(text.as_bytes());
    let layout = layout(FileKind::Units, &table);
    let drafts: Vec<_> =
        table.map(|record| row::read(&layout, &record.unwrap()).unwrap()).collect();
    let said: Vec<_> = drafts
        .iter()
        .map(|draft| {
            (
                draft.ended_on.clone().zip(Some(draft.end_cause)),
                draft.cleared.join(" "),
                draft.unit.number.clone(),
            )
        })
        .collect();
    assert_eq!(
        said,
        [
            (Some(("2020".to_owned(), 1)), "floor number".to_owned(), None),
            (None, "floor".to_owned(), Some("无".to_owned())),
        ]
    );
}

// What is exported is imported exactly.

/// Writes rows and reads them again.
fn through_a_file(kind: FileKind, mark: Mark, drafts: Vec<Draft>) -> Vec<Draft> {
    let mut writer = RowWriter::new(kind, mark, Vec::new()).unwrap();
    for draft in drafts {
        writer.write(draft).unwrap();
    }
    let bytes = writer.finish().unwrap();
    let table = table(&bytes);
    let layout = layout(kind, &table);
    table
        .map(|record| {
            row::read(&layout, &record.unwrap()).unwrap_or_else(|faults| panic!("{faults:?}"))
        })
        .collect()
}

#[test]
fn inspections_and_findings_are_read_as_files_write_them() {
    check(
        FileKind::Inspections,
        "编号,楼栋编号,楼栋来源,报告类型,检查日期,机构外部编号,等级,检查内容,签字人,签字范围,签字日期,提交日期,状态,报告文件\n\
         R-1,B-1,census,体检,2025年4月10日,uscc:9141,排查分类;2020;整幢;B|SURVEY;2020;MEMBER;C;SAFETY,STR|FIR,\
         person:p-81,structure,2025-04-12,2025-04-13,已验收,\
         aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa;48211;application/pdf;file:///a;b\n\
         R-2,,,飞行检查,2025-04,9141,B,,sgn_1,,,,,abc;1;application/pdf\n",
        expect![[r#"
            2 R-1
            3 报告类型 UNKNOWN_WORD: "飞行检查" is none of CHECK_UP (体检), PATROL (巡查), SPECIAL_CHECK (专项检查), APPRAISAL (鉴定)
            3 检查日期 NOT_A_DAY: "2025-04" is not one day, as 2024-07-01 is
            3 机构外部编号 NOT_AN_IDENTIFIER: "9141" is not scheme:value
            3 等级 NOT_A_GRADE: a grade is scale;edition;scope;value: SURVEY;2020;BUILDING;B
            3 签字人 NOT_AN_ID: an id is a prefix, an underscore and 26 letters or digits, for example bld_01J8…
            3 报告文件 NOT_A_PAPER: a SHA-256 has 64 hexadecimal digits
            3 楼栋编号 REQUIRED: building_id must not be empty
        "#]],
    );
    check(
        FileKind::Findings,
        "编号,楼栋编号,报告编号,发现日期,问题类别,严重程度,发现来源,发现人,楼层,部位,通知日期,整改期限\n\
         W-1,B-1,R-1,2025-04-10,STR.CRACK,限期整改,体检人员,p-81,3层,北立面,2025-04-20,2025-06-30\n\
         W-2,,,,,很严重,路人,,99999,,不详,(无)\n",
        expect![[r#"
            2 W-1
            3 严重程度 UNKNOWN_WORD: "很严重" is none of WATCH (观察), REPAIR_BY (限期整改), UNSAFE (危险)
            3 发现来源 UNKNOWN_WORD: "路人" is none of INSPECTOR (体检人员), PATROL (巡查), INSURER (保险机构巡检), OWNER (业主报告), SENSOR (传感器报警)
            3 楼层 OUT_OF_RANGE: 99999 is not between -50 and 300
            3 通知日期 NOT_A_DAY: "不详" is not one day, as 2024-07-01 is
            3 整改期限 NOT_CLEARABLE: "deadline" cannot be said to be none
            3 楼栋编号 REQUIRED: building_id must not be empty
            3 发现日期 REQUIRED: observed_on must not be empty
            3 问题类别 REQUIRED: class must not be empty
            3 发现人 REQUIRED: observer must not be empty
        "#]],
    );
}

#[test]
fn policies_are_read_as_files_write_them() {
    check(
        FileKind::Policies,
        "编号,区划代码,保单号,险种,条款版本,保险人,楼栋编号,楼栋来源,受益人,保障项目,保费,承保状态,承保日期,始存日期\n\
         P-1,410102000000,IDI-1,IDI,2019,P-1 60%|P-2 40%,B-1|B-2,census,业主,\
         STR;保额=1000000;起=2024年1月1日;止=2033-12-31|WTR;sum=200000.50元,15000;建设单位,承保,2024-02-01,2024-01-01\n\
         P-2,410102,IDI-2,,,P-1|P-2 40%,,,谁,STR;sum=10万,15000,已签,2024,\n",
        expect![[r#"
            2 P-1
            3 区划代码 NOT_A_CODE: "410102" is not a statistical code of 12 digits; a spreadsheet may have made a number of it
            3 保险人 NOT_A_SHARE: "P-1" is no insurer with its share: P-1 60% or P-1 2/3
            3 受益人 UNKNOWN_WORD: "谁" is none of OWNERS (业主), INSURED (被保险人), THIRD_PARTIES (第三者)
            3 保障项目 UNIT_NOT_TAKEN: numbers in 万 or 亿 are not taken: write all digits
            3 保费 NOT_A_PREMIUM: a premium is its amount and who pays: 15000;DEVELOPER
            3 承保状态 UNKNOWN_WORD: "已签" is none of QUOTED (报价), BOUND (承保), CANCELLED (退保), LAPSED (失效)
            3 承保日期 NOT_A_DAY: "2024" is not one day, as 2024-07-01 is
        "#]],
    );
}

const REGION_ID: &str = "rgn_01HF7YAT000000E0000000001A";
const COMPOUND_ID: &str = "cmp_01HF7YAT000000E0000000001B";
const BUILDING_ID: &str = "bld_01HF7YAT000000E0000000001C";
const UNIT_ID: &str = "unt_01HF7YAT000000E0000000001D";

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[-=+@'#;:|,\\\\ \"a1.郑州（）\n]{1,12}",
        Just("(none)".to_owned()),
        Just("unknown".to_owned()),
        Just("'(无)".to_owned()),
        Just("# anju: source=x".to_owned()),
    ]
}

/// A list's parts are taken without blanks around them.
fn part() -> impl Strategy<Value = String> {
    text().prop_map(|text| text.trim().to_owned()).prop_filter("not empty", |text| !text.is_empty())
}

fn day() -> impl Strategy<Value = String> {
    prop_oneof![
        (1900_i32..2025, 1_u8..=12, 1_u8..=28).prop_map(|(y, m, d)| format!("{y}-{m:02}-{d:02}")),
        (190_i32..202).prop_map(|decade| format!("{decade}0s")),
        (1900_i32..2025).prop_map(|year| format!("<{year}")),
        (1900_i32..2000, 1_i32..9).prop_map(|(year, more)| {
            let last = year + more;
            if year % 10 == 0 && more == 9 {
                "unknown".to_owned()
            } else {
                format!("{year}..{last}")
            }
        }),
        Just("unknown".to_owned()),
    ]
}

fn identifiers() -> impl Strategy<Value = Vec<Identifier>> {
    vec(("[a-z0-9]{1,8}", text()), 0..4).prop_map(|pairs| {
        pairs.into_iter().map(|(scheme, value)| Identifier { scheme, value }).collect()
    })
}

fn location() -> impl Strategy<Value = Option<Location>> {
    option::of((1..=4, -179_i32..180, 0_u32..9_999_999, -89_i32..90)).prop_map(|parts| {
        parts.map(|(system, longitude, part, latitude)| Location {
            system,
            longitude: format!("{longitude}.{part}"),
            latitude: format!("{latitude}.{part:07}"),
        })
    })
}

fn boundary() -> impl Strategy<Value = Option<Boundary>> {
    let vertex = (-179_i32..180, -89_i32..90).prop_map(|(longitude, latitude)| Vertex {
        longitude: longitude.to_string(),
        latitude: format!("{latitude}.5"),
    });
    option::of((1..=4, vec(vertex, 3..6)))
        .prop_map(|parts| parts.map(|(system, vertices)| Boundary { system, vertices }))
}

fn region() -> impl Strategy<Value = RegionFields> {
    (1..=5, text(), any::<bool>(), identifiers()).prop_map(|(level, name, _, codes)| RegionFields {
        level,
        name: Some(name),
        parent_id: (level > 1).then(|| REGION_ID.to_owned()),
        codes,
        doubts: doubts(),
    })
}

fn doubts() -> Vec<FieldDoubt> {
    vec![FieldDoubt { field: "name".to_owned(), sentence: "seen otherwise".to_owned() }]
}

fn compound() -> impl Strategy<Value = CompoundFields> {
    let texts = (text(), vec(part(), 0..4), option::of(text()), option::of(day()));
    (texts, location(), boundary(), 0..=5, identifiers()).prop_map(
        |((name, aliases, address, built), location, boundary, management, identifiers)| {
            CompoundFields {
                name: Some(name),
                aliases,
                address,
                community_id: Some(REGION_ID.to_owned()),
                built,
                location,
                boundary,
                management,
                identifiers,
                doubts: doubts(),
            }
        },
    )
}

fn building() -> impl Strategy<Value = BuildingFields> {
    let texts = (option::of(text()), option::of(text()), option::of(day()), any::<bool>());
    let counts = (
        option::of(1_u32..=200),
        option::of(0_u32..=300),
        option::of(0_u32..=50),
        option::of(1_u32..=200_000),
        option::of(1_i64..=10_000_000_000),
        option::of(0_u32..=200),
    );
    let words = (0..=7, 0..=8, 0..=4);
    (texts, counts, words, location(), identifiers()).prop_map(
        |(texts, counts, words, location, identifiers)| BuildingFields {
            name: texts.0,
            address: texts.1,
            completed: texts.2,
            compound_id: Some(COMPOUND_ID.to_owned()),
            community_id: texts.3.then(|| REGION_ID.to_owned()),
            physical_id: texts.3.then(|| BUILDING_ID.to_owned()),
            design_life_years: counts.0,
            storeys_above: counts.1,
            storeys_below: counts.2,
            height_cm: counts.3,
            floor_area_cm2: counts.4,
            lift_count: counts.5,
            structure: words.0,
            r#use: words.1,
            protection: words.2,
            location,
            identifiers,
            doubts: doubts(),
        },
    )
}

fn unit() -> impl Strategy<Value = UnitFields> {
    let texts = (option::of(text()), option::of(text()));
    (texts, option::of(-50..=300), option::of(1_i64..=1_000_000_000), 0..=6, identifiers())
        .prop_map(|((entrance, number), floor, area_cm2, r#use, identifiers)| UnitFields {
            building_id: Some(BUILDING_ID.to_owned()),
            entrance,
            floor,
            number,
            area_cm2,
            r#use,
            identifiers,
            doubts: doubts(),
        })
}

/// What the registry should be handed for an exported row: its fields, references by id.
fn expected(row: &ExportRow, exists_from: &str) -> (String, ImportRow) {
    let (id, sent) = match row.subject.clone().unwrap() {
        Subject::Region(each) => {
            let mut fields = each.fields.unwrap();
            let parent = by_id(fields.parent_id.take());
            fields.doubts.clear();
            let sent = ImportRegion { fields: Some(fields), parent, opens_partition: false };
            (each.id, Row::Region(sent))
        }
        Subject::Compound(each) => {
            let mut fields = each.fields.unwrap();
            let community = by_id(fields.community_id.take());
            fields.doubts.clear();
            (each.id, Row::Compound(ImportCompound { fields: Some(fields), community }))
        }
        Subject::Building(each) => {
            let mut fields = each.fields.unwrap();
            let compound = by_id(fields.compound_id.take());
            let community = by_id(fields.community_id.take());
            let physical = by_id(fields.physical_id.take());
            fields.doubts.clear();
            let fields = Some(fields);
            (each.id, Row::Building(ImportBuilding { fields, compound, community, physical }))
        }
        Subject::Unit(each) => {
            let mut fields = each.fields.unwrap();
            let building = by_id(fields.building_id.take());
            fields.doubts.clear();
            (each.id, Row::Unit(ImportUnit { fields: Some(fields), building }))
        }
    };
    let known = !row.source.is_empty();
    let source = if known { row.source.clone() } else { EXPORT_SOURCE.to_owned() };
    let key = if known { row.key.clone() } else { id };
    let exists_from = exists_from.to_owned();
    (source, ImportRow { key, row: Some(sent), exists_from, ..ImportRow::default() })
}

fn exported_is_imported(
    kind: FileKind,
    subject: Subject,
    key: Option<String>,
    born: &str,
    bom: bool,
) {
    let (source, key) = key.map_or_else(Default::default, |key| ("census".to_owned(), key));
    let row = ExportRow { source, key, subject: Some(subject), ..ExportRow::default() };
    let (source, sent) = expected(&row, born);
    let mark = if bom { Mark::Written } else { Mark::LeftOut };
    let draft = Draft::of_export(row, false).unwrap();
    let read = through_a_file(kind, mark, vec![draft]).pop().unwrap();
    assert_eq!(read.source.as_deref(), Some(source.as_str()));
    assert_eq!(read.into_row(kind), sent);
}

/// An end with what stands in its place: an exported row, and what the registry should be handed.
fn ended_is_imported(day: String, cause: i32, keys: Vec<(bool, String)>) {
    let shared = keys.len() == 1;
    let id = |index: usize| {
        let raw = RawId::new(1_700_000_000_000, Partition::new(1).unwrap(), index as u64);
        SubjectId::new(Kind::Building, raw).to_string()
    };
    let share = |index: usize| if shared { (1, 1) } else { (index as u64 + 1, 100) };
    let relative = |index: usize| {
        let (share_numerator, share_denominator) = share(index);
        Relative { id: id(index), day: day.clone(), share_numerator, share_denominator }
    };
    let life = Life {
        exists_from: "1990".to_owned(),
        ended_on: day.clone(),
        end_cause: cause,
        successors: (0..keys.len()).map(relative).collect(),
        ..Life::default()
    };
    let fields = Some(BuildingFields {
        compound_id: Some(COMPOUND_ID.to_owned()),
        ..BuildingFields::default()
    });
    let building =
        Building { id: BUILDING_ID.to_owned(), life: Some(life), fields, ..Building::default() };
    let source_of = |is_own: bool| if is_own { "census" } else { "other" };
    let references = keys.iter().enumerate().map(|(index, (is_own, key))| ExportReference {
        field: "successors".to_owned(),
        id: id(index),
        source: source_of(*is_own).to_owned(),
        key: key.clone(),
        codes: Vec::new(),
    });
    let row = ExportRow {
        source: "census".to_owned(),
        key: "k".to_owned(),
        references: references.collect(),
        subject: Some(Subject::Building(building)),
        ..ExportRow::default()
    };
    let draft = Draft::of_export(row, false).unwrap();
    let read = through_a_file(FileKind::Buildings, Mark::LeftOut, vec![draft]).pop().unwrap();
    let sent = read.into_row(FileKind::Buildings);
    assert_eq!((sent.ended_on, sent.end_cause), (day, cause));
    let is_succession = matches!(cause, 3 | 4);
    let expected =
        keys.iter().enumerate().filter(|_| is_succession).map(|(index, (is_own, key))| {
            let named = if *is_own {
                reference::Reference::Key(key.clone())
            } else {
                let (source, key) = ("other".to_owned(), key.clone());
                reference::Reference::SourceKey(SourceKey { source, key })
            };
            let (share_numerator, share_denominator) = if shared { (0, 0) } else { share(index) };
            let reference = Some(Reference { reference: Some(named) });
            ImportSuccessor { reference, share_numerator, share_denominator }
        });
    assert_eq!(sent.successors, expected.collect::<Vec<_>>());
}

proptest! {
    #[test]
    fn an_end_that_is_exported_is_imported_with_what_stands_in_its_place(
        cause in 1..=6,
        keys in vec((any::<bool>(), part()), 1..4),
        is_share in any::<bool>(),
    ) {
        let mut keys = keys;
        // A key that looks like one with a share.
        keys.iter_mut().filter(|_| is_share).for_each(|(_, key)| key.push_str(";1/2"));
        ended_is_imported("2020-01-01".to_owned(), cause, keys);
    }
}

fn life(exists_from: &str) -> Life {
    Life { exists_from: exists_from.to_owned(), ..Life::default() }
}

proptest! {
    #[test]
    fn a_region_goes_out_and_comes_in(fields in region(), key in option::of(text()), born in day(), bom: bool) {
        let region = Region { id: REGION_ID.into(), life: Some(life(&born)), fields: Some(fields), ..Region::default() };
        exported_is_imported(FileKind::Regions, Subject::Region(region), key, &born, bom);
    }

    #[test]
    fn a_compound_goes_out_and_comes_in(fields in compound(), key in option::of(text()), born in day(), bom: bool) {
        let each = Compound { id: COMPOUND_ID.into(), life: Some(life(&born)), fields: Some(fields), ..Compound::default() };
        exported_is_imported(FileKind::Compounds, Subject::Compound(each), key, &born, bom);
    }

    #[test]
    fn a_building_goes_out_and_comes_in(fields in building(), key in option::of(text()), born in day(), bom: bool) {
        let each = Building { id: BUILDING_ID.into(), life: Some(life(&born)), fields: Some(fields), ..Building::default() };
        exported_is_imported(FileKind::Buildings, Subject::Building(each), key, &born, bom);
    }

    #[test]
    fn a_unit_goes_out_and_comes_in(fields in unit(), key in option::of(text()), born in day(), bom: bool) {
        let each = Unit { id: UNIT_ID.into(), life: Some(life(&born)), fields: Some(fields), ..Unit::default() };
        exported_is_imported(FileKind::Units, Subject::Unit(each), key, &born, bom);
    }
}

#[test]
fn what_was_entered_in_error_is_not_exported() {
    let life = Life { presence: Presence::EnteredInError.into(), ..Life::default() };
    let unit = Unit { id: UNIT_ID.to_owned(), life: Some(life), ..Unit::default() };
    let row = ExportRow { subject: Some(Subject::Unit(unit)), ..ExportRow::default() };
    assert_eq!(Draft::of_export(row, false), None);
}

#[test]
fn fields_said_to_be_none_survive_a_file() {
    for kind in FileKind::EXPORTED {
        let fields: std::collections::BTreeSet<_> = kind
            .columns()
            .filter(|column| column.exported && !column.field.is_empty())
            // What a row must have cannot be none.
            .filter(|column| !kind.required().iter().any(|group| group.contains(&column.name)))
            .map(|column| column.field.to_owned())
            .collect();
        let mut draft = Draft { key: Some("k".to_owned()), ..Draft::default() };
        draft.region.level = 1;
        draft.region.name = Some("名".to_owned());
        draft.compound.name = Some("名".to_owned());
        draft.community_of = by_id(Some(REGION_ID.to_owned()));
        draft.compound_of = by_id(Some(COMPOUND_ID.to_owned()));
        draft.building_of = by_id(Some(BUILDING_ID.to_owned()));
        draft.cleared = fields.iter().cloned().collect();
        let read = through_a_file(kind, Mark::LeftOut, vec![draft]).pop().unwrap();
        let read: std::collections::BTreeSet<_> = read.cleared.into_iter().collect();
        assert_eq!(read, fields, "{kind:?}");
    }
}

// The page for people.

fn form(column: &Column) -> String {
    match column.form {
        Form::Text(most, _) | Form::Token(most, _) => format!("text, at most {most} characters"),
        Form::Day(_) => "day, may be imprecise".to_owned(),
        Form::ExactDay(_) => "day".to_owned(),
        Form::Count(least, most, ..) => format!("whole number, {least} to {most}"),
        Form::Storey(_) => "whole number, -50 to 300".to_owned(),
        Form::Area(_) => "m², or cm² when the header says so".to_owned(),
        Form::Height(_) => "m, or cm when the header says so".to_owned(),
        Form::Word(words, _) => words_of(words),
        Form::List(..) => "texts with `|` between them".to_owned(),
        Form::References(..) => "ids or `scheme:value` with `|` between them".to_owned(),
        Form::Successors(By::Key, _) => {
            "keys, each perhaps with `;` and its share, with `|` between them".to_owned()
        }
        Form::Parts(By::Key, _) => {
            "day, key and share with `;` between them; several with `|` between them".to_owned()
        }
        Form::Periods(_) => {
            "day and `column=value` with `;` between them; several with `|` between them".to_owned()
        }
        Form::Successors(By::Id, _) | Form::Parts(By::Id, _) => "ids, in the same way".to_owned(),
        Form::Successors(..) | Form::Parts(..) => "`scheme:value`, in the same way".to_owned(),
        Form::Grades(_) => "grades with `|` between them".to_owned(),
        Form::Documents(_) => "papers with `|` between them".to_owned(),
        Form::Insurers(_) => "insurers with `|` between them".to_owned(),
        Form::Covers(_) => "covers with `|` between them".to_owned(),
        Form::Premiums(_) => "premiums with `|` between them".to_owned(),
        Form::Objects(_, By::Id, _) => "ids with `|` between them".to_owned(),
        Form::Objects(_, By::Key, _) => "keys with `|` between them".to_owned(),
        Form::Objects(..) | Form::Identifiers(_) => {
            "`scheme:value` with `|` between them".to_owned()
        }
        Form::Scheme(..) => "numbers with `|` between them".to_owned(),
        Form::Reference(By::Id, _) => "id".to_owned(),
        Form::Reference(By::Key, _) => "key".to_owned(),
        Form::Reference(By::Identifier, _) => "`scheme:value`".to_owned(),
        Form::Reference(By::Code, _) => "12 digits".to_owned(),
        Form::Degrees(most, _) => format!("degrees, -{most} to {most}"),
        Form::Outline(_) => "points with `;` between them".to_owned(),
        Form::Flag(_) => "`true` 是, `false` 否".to_owned(),
    }
}

fn words_of(words: &[Word]) -> String {
    let each = words.iter().map(|word| format!("`{}` {}", word.name, word.chinese.join(" ")));
    each.collect::<Vec<_>>().join(", ")
}

fn columns_page() -> String {
    let mut page = String::new();
    for kind in FileKind::ALL {
        writeln!(page, "\n## Columns of {}\n", kind.word()).unwrap();
        writeln!(page, "| column | also | cells | what it says |\n|---|---|---|---|").unwrap();
        for column in kind.columns() {
            let also = column.aliases.join(", ");
            let (name, form, about) = (column.name, form(column), column.about);
            let cells = form.replace('|', "\\|");
            let about = about.replace('|', "\\|");
            writeln!(page, "| `{name}` | {also} | {cells} | {about} |").unwrap();
        }
        let needed: Vec<_> = kind.required().iter().map(|group| group.join(" or ")).collect();
        writeln!(page, "\nNeeded: {}.", needed.join("; ")).unwrap();
    }
    writeln!(page, "\n## Reasons\n\nBeside the registry's own reasons:\n").unwrap();
    writeln!(page, "| reason | what it means | 中文 |\n|---|---|---|").unwrap();
    for (reason, meaning) in REASONS {
        let chinese = anju::client::chinese(reason).unwrap();
        writeln!(page, "| `{reason}` | {meaning} | {chinese} |").unwrap();
    }
    page
}

#[test]
fn the_page_lists_the_columns_that_there_are() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/import.md");
    let page = fs::read_to_string(path).unwrap();
    let begin = "cargo test --test exchange -->\n";
    let end = "<!-- end of what is generated -->";
    let (before, rest) = page.split_once(begin).unwrap();
    let (_, after) = rest.split_once(end).unwrap();
    let expected = format!("{before}{begin}{}{end}{after}", columns_page());
    expect_file![path].assert_eq(&expected);
}
