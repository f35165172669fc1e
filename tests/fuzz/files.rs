//! Files: rows to import, mappings, reference data, settings, tokens.

use std::{
    collections::BTreeSet,
    fs,
    io::{Cursor, Read as _, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::Arc,
};

use anju::{
    auth::token::TokenFile,
    config::Config,
    domain::{cycle, finding, grade, house_code, reference, reference_diff, reference_file},
    exchange::{
        carried::carried,
        column::FileKind,
        edition::Edition,
        header::{Layout, Mapping},
        reject::{ADDED_COLUMNS, Rejects},
        row::{self, REASONS},
        table::Table,
    },
};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};

use crate::mutate::Door;

const BUILDINGS: &str = "编号,小区编号,竣工日期,结构类型,层数,建筑面积(m²),建筑高度,经度,纬度,坐标系,电梯数,设计使用年限,房屋用途
b1,c1,80年代,砖混,6层,1234.5㎡,18.3,113.6,34.7,CGCS2000,0,50年,住宅
b2,c1,<1986,REINFORCED_CONCRETE,12,98.47,,,,,1,,dwelling
";
const COMPOUNDS: &str = r"key,name,community_code,community_id,identifiers,boundary,aliases,management,exists_from
c1,春和苑,410102001001,,a:1|b:x\|y,CGCS2000;113.1 34.1;113.2 34.1;113.2 34.2,一|二,物业企业,<2000
c3,春和苑,,rgn_01HF7YAT000000E0000000001A,a:1,,,,1990
";
const UNITS: &str = "key,building_key,单元,楼层,房号,面积,用途,from,不动产单元号
u1,b1,1单元,-1层,101,89.5,车库,2024-07-01,410102001001GB00001F00010001
";
const REGIONS: &str = "key,level,name,parent_key,opens_partition,gbt2260
41,省,河南省,,,410000
4101,CITY,郑州市,41,是,410100
";
const EDITION: &str = "code,name,provinceCode\n4101,郑州市,41\n4102,开封市,41\n";
const INSPECTIONS: &str = "编号,楼栋编号,楼栋来源,报告类型,检查日期,机构外部编号,等级,检查内容,签字人,签字范围,签字日期,提交日期,状态,报告文件
R-1,B-1,census,体检,2025年4月10日,uscc:9141,排查分类;2020;整幢;B|SURVEY;2020;MEMBER;C;SAFETY,STR|FIR,person:p-81,structure,2025-04-12,2025-04-13,已验收,
";
const FINDINGS: &str =
    "编号,楼栋编号,报告编号,发现日期,问题类别,严重程度,发现来源,发现人,楼层,部位,通知日期,整改期限
W-1,B-1,R-1,2025-04-10,STR.CRACK,限期整改,体检人员,p-81,3层,北立面,2025-04-20,2025-06-30
";

const POLICIES: &str =
    "编号,区划代码,保单号,险种,条款版本,保险人,楼栋编号,楼栋来源,受益人,保障项目,保费,承保状态,承保日期,始存日期
P-1,410102000000,IDI-1,IDI,2019,P-1 60%|P-2 2/5,B-1|B-2,census,业主,STR;保额=1000000;起=2024年1月1日;止=2033-12-31|WTR;sum=200000.50元,15000;建设单位;HT,承保,2024-02-01,2024-01-01
";

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
    packed.write_all(text).unwrap();
    packed.finish().unwrap()
}

fn gb18030(text: &str) -> Vec<u8> {
    encoding_rs::GB18030.encode(text).0.into_owned()
}

fn tables() -> Vec<Vec<u8>> {
    let texts = [BUILDINGS, COMPOUNDS, UNITS, REGIONS, EDITION, INSPECTIONS, FINDINGS, POLICIES];
    let mut samples: Vec<_> = texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    samples.extend(texts.iter().map(|text| gb18030(text)));
    samples.push(gzip(BUILDINGS.as_bytes()));
    samples.push(gzip(&gb18030(COMPOUNDS)));
    samples.push(format!("\u{feff}{UNITS}").into_bytes());
    samples.push(BUILDINGS.replace(',', ";").into_bytes());
    samples.push(COMPOUNDS.replace(',', "\t").into_bytes());
    samples.push(
        format!("# anju: source=census, mode=correction, from=2024-07-01\n{UNITS}").into_bytes(),
    );
    samples
}

/// Reads a table whichever way it may be meant; everything is taken or told. The kinds of which a row was
/// taken.
fn read_table(bytes: &[u8]) -> BTreeSet<FileKind> {
    let mut kinds = BTreeSet::new();
    for kind in FileKind::ALL {
        let Ok(table) = Table::read(Cursor::new(bytes.to_vec())) else { return kinds };
        let (layout, faults) = Layout::bind_some(kind, table.headers(), &Mapping::default(), true);
        let is_bound = faults.is_empty();
        let edition = Edition::recognise(table.headers());
        for record in table.take(50) {
            let Ok(record) = record else { break };
            if let Some(edition) = &edition {
                let _ = edition.read(&record);
            }
            let _ = row::rest(&layout, &record);
            match row::read(&layout, &record) {
                Ok(draft) => {
                    let _ = (draft.identity(kind), draft.place(kind));
                    if is_bound {
                        let _ = draft.into_row(kind);
                        kinds.insert(kind);
                    }
                }
                Err(faults) => {
                    assert!(!faults.is_empty());
                    for fault in faults {
                        let is_known = REASONS.iter().any(|(reason, _)| *reason == fault.reason);
                        assert!(is_known, "{fault}");
                    }
                }
            }
        }
    }
    kinds
}

const CSV_WORDS: &[&str] = &[
    ",",
    "\"",
    "\n",
    "\r\n",
    ";",
    "\t",
    "key",
    "code",
    "name",
    "无",
    "(none)",
    "exists_from",
    "building_key",
    "备注",
    "# anju:",
    "source=",
    "mode=",
    "|",
    "不详",
    "2024-07-01",
    "survey:2020:building:whole:B",
];

#[test]
fn rows_of_files_are_read_or_told() {
    let door = Door { name: "rows", samples: tables(), words: CSV_WORDS, inputs: 400 };
    let mut kinds = BTreeSet::new();
    door.throw(|input| kinds.append(&mut read_table(input)));
    if std::env::var_os("ANJU_FUZZ_INPUT").is_none() {
        assert_eq!(kinds, FileKind::ALL.into(), "the samples are read");
    }
}

/// Rows of a table that were not taken, from the file that is mended and fed back: they stand there
/// as they stood.
fn feed_back(bytes: &[u8]) -> usize {
    let Ok(table) = Table::read(Cursor::new(bytes.to_vec())) else { return 0 };
    let (declaration, headers) = (table.declaration().clone(), table.headers().to_vec());
    // The importer takes no such name.
    if declaration.source.as_ref().is_some_and(|name| name.contains([',', '"', '\n', '\r'])) {
        return 0;
    }
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a.rejects.csv");
    let mut rejects = Rejects::at(path, declaration.clone(), headers.clone());
    let mut rows: Vec<_> = table.take(40).map_while(Result::ok).collect();
    assert!(rows.is_sorted_by(|one, next| one.line < next.line), "two rows begin on one line");
    // Batches are not answered in the order of the file.
    for record in rows.iter().rev() {
        rejects.add(record.line, &record.cells, "名称 TOO_LONG: \"it\" 文字过长").unwrap();
    }
    let Some((path, count)) = rejects.finish().unwrap() else { return 0 };
    assert_eq!(usize::try_from(count).unwrap(), rows.len());
    let again = Table::open(&path, Arc::default()).unwrap();
    assert_eq!(again.declaration(), &declaration);
    let is_own = |index: &usize| !ADDED_COLUMNS.contains(&headers[*index].as_str());
    let kept: Vec<_> = (0..headers.len()).filter(is_own).collect();
    let named = kept.iter().map(|index| headers[*index].as_str()).chain(ADDED_COLUMNS);
    assert_eq!(again.headers(), named.collect::<Vec<_>>());
    let again: Vec<_> = again.map(Result::unwrap).collect();
    assert_eq!(again.len(), rows.len());
    rows.sort_by_key(|record| record.line);
    for (row, record) in rows.iter().zip(&again) {
        let line = row.line.to_string();
        let cells = kept.iter().map(|index| row.cells.get(*index).unwrap_or(""));
        let expected = cells.chain([line.as_str(), "名称 TOO_LONG: \"it\" 文字过长"]);
        assert_eq!(record.cells.iter().collect::<Vec<_>>(), expected.collect::<Vec<_>>());
    }
    rows.len()
}

#[test]
fn rejected_rows_are_fed_back_as_they_stood() {
    let mut samples = tables();
    let header = "# anju: source=census, mode=change\n编号,reject_line,名称,reject_reasons\n";
    samples.push(format!("\u{feff}{header}b1,7,\"一\n二\",错\nb2,9,三,误\n").into_bytes());
    // Found: a quote that is never closed, of which the line was told wrongly.
    samples.push(b"key,name\nb1,x\nb2,y\nb3,\"z\nb4,w\n".to_vec());
    // The real ones that the program carries, each by its beginning.
    for file in carried() {
        let mut begin = Vec::new();
        let is_packed = file.bytes.starts_with(b"\x1f\x8b");
        let bytes: Box<dyn std::io::Read> =
            if is_packed { Box::new(GzDecoder::new(file.bytes)) } else { Box::new(file.bytes) };
        bytes.take(1_500).read_to_end(&mut begin).unwrap();
        samples.push(begin);
    }
    let door = Door { name: "rejects", samples, words: CSV_WORDS, inputs: 400 };
    let mut count = 0;
    door.throw(|input| count += feed_back(input));
    if std::env::var_os("ANJU_FUZZ_INPUT").is_none() {
        assert!(count > 0, "the samples are read");
    }
}

#[test]
fn carried_tables_that_were_harmed_are_read_or_told() {
    let samples = carried().map(|file| file.bytes.to_vec()).to_vec();
    let door = Door { name: "carried", samples, words: CSV_WORDS, inputs: 60 };
    door.throw(|input| drop(read_table(input)));
}

#[test]
fn packed_rows_are_read_or_told() {
    // The harm is done within the packing, so that it goes further than its sum.
    let unpacked = |packed: &Vec<u8>| {
        let mut text = Vec::new();
        GzDecoder::new(&packed[..]).read_to_end(&mut text).map(|_| text).ok()
    };
    let samples = tables().iter().filter_map(unpacked).collect();
    let door = Door { name: "packed", samples, words: CSV_WORDS, inputs: 150 };
    door.throw(|input| {
        let _ = read_table(&gzip(input));
    });
}

#[test]
fn mappings_are_read_or_told() {
    let door = Door {
        name: "mapping",
        samples: vec![
            "floor_area_m2 = \"面积\"\nkey = \"编号\"\nignore = [\"备注\"]\n".as_bytes().to_vec(),
        ],
        words: &["ignore", "=", "[", "]", "\"", "{", "key", "inf", "1979-05-27"],
        inputs: 1_000,
    };
    door.throw(|input| {
        let Ok(mapping) = Mapping::read(&String::from_utf8_lossy(input)) else { return };
        let table = Table::read(Cursor::new(BUILDINGS.as_bytes().to_vec())).unwrap();
        let _ = Layout::bind(FileKind::Buildings, table.headers(), &mapping, false);
    });
}

fn reference_files() -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("data/reference");
    let mut files = Vec::new();
    for folder in [folder.clone(), folder.join("cycle")] {
        for file in fs::read_dir(folder).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|end| end == "toml") {
                files.push(fs::read(path).unwrap());
            }
        }
    }
    assert!(files.len() > 3);
    files.sort();
    files
}

#[test]
fn reference_data_is_read_or_told() {
    let samples = reference_files();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let catalogue = samples.iter().find_map(|file| grade::Catalogue::read(&text(file)).ok());
    let catalogue = catalogue.unwrap();
    let first = text(&samples[0]);
    let door = Door {
        name: "reference",
        samples,
        words: &[
            "table = ",
            "[[rule]]",
            "[[ladder]]",
            "edition",
            "from = ",
            "2026-01-01",
            "years",
            "months",
            "jurisdiction = {",
            "\"",
            "[",
            "]",
            "when = {",
            "then = {",
            "exempt",
            "every",
            "deadline_days",
            "standing",
            "draft",
            "inf",
            "nan",
            "true",
        ],
        inputs: 300,
    };
    door.throw(|input| {
        let text = text(input);
        let whole = reference::check(&text, &[&catalogue]);
        let head = reference_file::head(&text);
        if let Ok(whole) = &whole {
            assert_eq!(head.as_ref().ok(), Some(whole), "a whole file has a head");
        }
        let _ = grade::Catalogue::read(&text);
        let _ = grade::ColourMapping::read(&text, &catalogue);
        let _ = finding::catalogue::Catalogue::read(&text);
        let _ = house_code::CheckTable::read(&text);
        let _ = cycle::read::rule_set(&text);
        let _ = (reference_diff::lines(&first, &text), reference_diff::keys(&first, &text));
    });
}

#[test]
fn settings_are_read_or_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("anju.toml");
    let whole = Config::load(None, &|_| None, &[]);
    let shown = whole.map(|config| config.render()).unwrap_or_default();
    let door = Door {
        name: "settings",
        samples: vec![
            b"data_dir = \"data\"\n[store]\ncache_mib = 64\n\n[log]\nformat = \"json\"\n".to_vec(),
            b"listen = \"127.0.0.1:50051\"\n[limits]\nrequest_mib = 4\n".to_vec(),
            shown.into_bytes(),
        ],
        words: &["[store]", "[limits]", "[log]", "[tls]", "=", "\"", "path", "127.0.0.1", "true"],
        inputs: 400,
    };
    door.throw(|input| {
        fs::write(&path, input).unwrap();
        match Config::load(Some(&path), &|_| None, &[]) {
            Ok(config) => assert!(!config.render().is_empty()),
            Err(violations) => assert!(!violations.is_empty()),
        }
        let text = String::from_utf8_lossy(input).into_owned();
        let _ = Config::load(None, &|_| Some(text.clone()), &[]);
        let _ = Config::load(None, &|_| None, &[("log.level".to_owned(), text.clone())]);
    });
}

#[test]
fn tokens_are_read_or_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tokens.toml");
    let whole = format!(
        "[[token]]\nsubject = \"office\"\nrole = \"operator\"\nhash = \"{}\"\nregions = \"all\"\n",
        "ab".repeat(32)
    );
    let door = Door {
        name: "tokens",
        samples: vec![whole.into_bytes()],
        words: &["[[token]]", "role", "regions", "all", "none", "not_after", "institution", "["],
        inputs: 400,
    };
    door.throw(|input| {
        fs::write(&path, input).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        if let Ok(tokens) = TokenFile::load(&path) {
            for token in tokens.tokens() {
                assert!(!token.grant.subject.is_empty());
            }
            assert!(tokens.find(&String::from_utf8_lossy(input)).is_none());
        }
    });
}
