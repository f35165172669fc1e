//! How two editions of reference data differ: line by line, and by the keys of what they say.
//!
//! Lines are matched as patience diff does it: what is said once in both texts holds the rest in
//! place, so that a moved or repeated line never drags others along. Every line of both texts is
//! told just once and in its order; the fewest possible changes are not promised. Keys name the
//! rows of lists by their `code`, `name` or `id`, so that a row that was put in front changes no
//! other.

use std::collections::BTreeMap;

use toml::{Table, Value};

/// Which of two texts have a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Both.
    Both,
    /// The older one.
    Old,
    /// The newer one.
    New,
}

/// A key that is said differently, or by one of two texts only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyChange {
    /// The key's path.
    pub key: String,
    /// What the older one says.
    pub old: Option<String>,
    /// What the newer one says.
    pub new: Option<String>,
}

/// What names a row of a list, the first of these that it has.
const NAMES: [&str; 3] = ["code", "name", "id"];

/// All lines of two texts, those of the older one before those that stand in their place.
pub fn lines<'t>(old: &'t str, new: &'t str) -> Vec<(Side, &'t str)> {
    let old = old.lines().collect::<Vec<_>>();
    let new = new.lines().collect::<Vec<_>>();
    let mut told = Vec::new();
    // Ranges still to be compared, the next one last; a recursion could be too deep.
    let mut left = vec![(&old[..], &new[..])];
    while let Some((old, new)) = left.pop() {
        let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
        let (same, old) = old.split_at(head);
        let (_, new) = new.split_at(head);
        told.extend(same.iter().map(|line| (Side::Both, *line)));
        let tail = old.iter().rev().zip(new.iter().rev()).take_while(|(old, new)| old == new);
        let tail = tail.count();
        let (old, same) = old.split_at(old.len() - tail);
        let (new, _) = new.split_at(new.len() - tail);
        if tail > 0 {
            left.push((same, same));
        }
        let Some((of_old, of_new)) = anchor(old, new) else {
            told.extend(old.iter().map(|line| (Side::Old, *line)));
            told.extend(new.iter().map(|line| (Side::New, *line)));
            continue;
        };
        let (old_head, old_tail) = old.split_at(of_old);
        let (new_head, new_tail) = new.split_at(of_new);
        left.push((old_tail, new_tail));
        left.push((old_head, new_head));
    }
    told
}

/// The place, in both texts, of a line that both have just once: the middle one of the longest row
/// of such lines that stand in the same order.
fn anchor(old: &[&str], new: &[&str]) -> Option<(usize, usize)> {
    let mut places: BTreeMap<&str, (Vec<usize>, Vec<usize>)> = BTreeMap::new();
    for (at, line) in old.iter().enumerate() {
        places.entry(line).or_default().0.push(at);
    }
    for (at, line) in new.iter().enumerate() {
        places.entry(line).or_default().1.push(at);
    }
    let mut once: Vec<(usize, usize)> = places
        .values()
        .filter_map(|places| match (places.0.as_slice(), places.1.as_slice()) {
            ([old], [new]) => Some((*old, *new)),
            _ => None,
        })
        .collect();
    once.sort_unstable();
    let row = longest_ascending(&once);
    row.get(row.len() / 2).copied()
}

/// The longest row of pairs whose second numbers ascend; the first ones do.
fn longest_ascending(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The pair in which a row of each length ends lowest, and what is before each pair in its row.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::new();
    let second = |at: usize| pairs.get(at).map_or(0, |(_, second)| *second);
    for (at, (_, own)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| second(*end) < *own);
        before.push(length.checked_sub(1).and_then(|shorter| ends.get(shorter).copied()));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut row = Vec::new();
    let mut next = ends.last().copied();
    while let Some(at) = next {
        row.extend(pairs.get(at));
        next = before.get(at).copied().flatten();
    }
    row.reverse();
    row
}

/// What two files say differently, in the order of the keys. A text that is no file says nothing.
pub fn keys(old: &str, new: &str) -> Vec<KeyChange> {
    let (old, new) = (said(old), said(new));
    let mut keys: Vec<&String> = old.keys().chain(new.keys()).collect();
    keys.sort();
    keys.dedup();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| KeyChange {
            key: key.clone(),
            old: old.get(key).cloned(),
            new: new.get(key).cloned(),
        })
        .collect()
}

fn said(text: &str) -> BTreeMap<String, String> {
    let mut said = BTreeMap::new();
    if let Ok(table) = text.parse::<Table>() {
        put_table(&table, "", &mut said);
    }
    said
}

fn put_table(table: &Table, path: &str, said: &mut BTreeMap<String, String>) {
    for (key, value) in table {
        let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
        put(value, path, said);
    }
}

fn put(value: &Value, path: String, said: &mut BTreeMap<String, String>) {
    match value {
        Value::Table(table) => put_table(table, &path, said),
        // A list of plain values is one value: it is read as a whole.
        Value::Array(list) if list.iter().any(Value::is_table) => {
            for (index, row) in list.iter().enumerate() {
                let name = row_name(row).unwrap_or_else(|| index.to_string());
                let mut row_path = format!("{path}[{name}]");
                // Two rows of one name are told apart by their places.
                if said.keys().any(|key| key.starts_with(&format!("{row_path}."))) {
                    row_path = format!("{path}[{name}#{index}]");
                }
                put(row, row_path, said);
            }
        }
        plain => {
            said.insert(path, shown(plain));
        }
    }
}

/// A plain value, as it stands in files.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text:?}"),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(is_so) => is_so.to_string(),
        Value::Datetime(moment) => moment.to_string(),
        Value::Array(list) => {
            format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(", "))
        }
        Value::Table(table) => {
            let pairs = table.iter().map(|(key, value)| format!("{key} = {}", shown(value)));
            format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "))
        }
    }
}

fn row_name(row: &Value) -> Option<String> {
    let table = row.as_table()?;
    NAMES.iter().find_map(|name| Some(table.get(*name)?.as_str()?.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    fn diffed(old: &str, new: &str) -> String {
        let line = |(side, line): &(Side, &str)| match side {
            Side::Both => format!("  {line}\n"),
            Side::Old => format!("- {line}\n"),
            Side::New => format!("+ {line}\n"),
        };
        lines(old, new).iter().map(line).collect()
    }

    #[test]
    fn a_changed_rule_is_one_line_for_another() {
        expect![[r#"
              table = "cycle"
            - edition = "1"
            + edition = "2"

              [[rule]]
              name = "old"
            - years = 5
            + years = 3
            + payer = "public_account"

              [[rule]]
              name = "older"
        "#]]
        .assert_eq(
            &diffed(
                "table = \"cycle\"\nedition = \"1\"\n\n[[rule]]\nname = \"old\"\nyears = 5\n\n\
                 [[rule]]\nname = \"older\"",
                "table = \"cycle\"\nedition = \"2\"\n\n[[rule]]\nname = \"old\"\nyears = 3\n\
                 payer = \"public_account\"\n\n[[rule]]\nname = \"older\"",
            )
            .replace("  \n", "\n"),
        );
    }

    #[test]
    fn a_row_put_in_front_changes_no_other_key() {
        let old = "[[class]]\ncode = \"crack\"\ndays = 30\n";
        let new = "[[class]]\ncode = \"tilt\"\ndays = 7\n[[class]]\ncode = \"crack\"\ndays = 20\n";
        let told: Vec<String> = keys(old, new)
            .into_iter()
            .map(|change| format!("{} {:?} {:?}", change.key, change.old, change.new))
            .collect();
        expect![[r#"
            class[crack].days Some("30") Some("20")
            class[tilt].code None Some("\"tilt\"")
            class[tilt].days None Some("7")"#]]
        .assert_eq(&told.join("\n"));
    }

    fn text() -> impl Strategy<Value = String> {
        proptest::collection::vec(prop_oneof!["[a-d]", "[a-z]{1,2}", Just(String::new())], 0..30)
            .prop_map(|lines| lines.join("\n"))
    }

    proptest! {
        #[test]
        fn every_line_of_both_texts_is_told_once_and_in_its_order(old in text(), new in text()) {
            let told = lines(&old, &new);
            let but = |side: Side| -> Vec<&str> {
                told.iter().filter(|(on, _)| *on != side).map(|(_, line)| *line).collect()
            };
            prop_assert_eq!(but(Side::New), old.lines().collect::<Vec<_>>());
            prop_assert_eq!(but(Side::Old), new.lines().collect::<Vec<_>>());
            if old == new {
                prop_assert!(told.iter().all(|(side, _)| *side == Side::Both));
                prop_assert!(keys(&old, &new).is_empty());
            }
        }
    }
}
