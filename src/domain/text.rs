//! Search in names and addresses, Chinese and Latin, with few index keys for each subject.
//!
//! A text is a row of *atoms*: single Han characters (and those of other scripts that are written
//! without spaces), letters of words, and whole numbers. What is between them only separates. The
//! *shape* of a text is the text with `#` for every number: `人民路12号3号楼` has the shape
//! `人民路#号#号楼` and the numbers 12 and 3. Thousands of buildings share a shape, so grams are
//! indexed for shapes only, and a subject costs one posting: shape, numbers, subject.
//!
//! A search asks [`Query::grams`] for candidate shapes, keeps those that [`matches_shape`] lets
//! pass, scans their postings, below [`numbers_prefix`] where there is one, and asks [`matches()`]
//! last. The first three may let too much pass, never too little.
//!
//! What is made equal, and nothing else: full-width and half-width ASCII, upper and lower case,
//! leading zeros, zero-width and combining marks, apostrophes (`Xi'an` is `xian`), `號 樓 棟` and
//! `号 楼 栋`, `○` and `〇`, and a `#` behind a number and `号`. Chinese numerals stay as written.
//!
//! The check for identity and telephone numbers, [`identity_violation`], is here too: it reads
//! the same free texts at the edge.

use std::collections::BTreeSet;

/// Numbers of a text that a shape keeps; later ones are only marked.
pub const NUMBERS_MAX: usize = 8;
/// Leading digits of a number that a shape keeps.
pub const DIGITS_MAX: usize = 18;
/// Leading letters of a word that are indexed together.
pub const WORD_LETTERS_MAX: usize = 8;
/// Letters of a word that are indexed together wherever in it they stand: with fewer, a search means
/// the beginning of a word.
pub const INNER_LETTERS: usize = 3;

/// The smallest code point of the scripts that are written without spaces.
const FIRST_UNSPACED: char = '\u{2E80}';

/// A text with its numbers taken out.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shape {
    /// The normalised text with `#` for every number. A space stands only between two words or two
    /// numbers that would else run together. Empty when nothing can be searched for.
    pub shape: String,
    /// The first [`NUMBERS_MAX`] numbers in order, each cut to its first [`DIGITS_MAX`] digits.
    pub numbers: Vec<u64>,
}

/// The smallest thing of a text that is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Atom {
    /// A character that is a word by itself.
    Han(char),
    /// A letter, and whether its word begins with it.
    Letter { letter: char, starts_word: bool },
    /// Digits without leading zeros; `None` in a shape, where any number may stand.
    Number(Option<String>),
}

/// What somebody searches for.
///
/// Each unbroken piece must occur as it stands: `路12` in `人民路12号` but not in `人民路甲12号` or
/// `人民路120号`. Pieces set apart by a space or a punctuation mark must occur in their order, with
/// anything in between. A number is a whole number. A word may be the beginning of a word, and where
/// a piece begins with [`INNER_LETTERS`] letters or more they may stand within one: `ingua` is in
/// `Jinguang`, `gu` is not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pieces: Vec<Vec<Atom>>,
}

impl Query {
    /// Whether nothing is left of the text; such a query matches everything.
    pub fn is_empty(&self) -> bool {
        self.pieces.is_empty()
    }

    /// The grams that every matching shape has. Empty for a query of numbers only, which the index
    /// of shapes cannot narrow down.
    pub fn grams(&self) -> BTreeSet<String> {
        self.pieces.iter().flat_map(|piece| asked_grams(piece)).collect()
    }

    /// The last start of each piece in `atoms`, pieces kept in order.
    fn latest(&self, atoms: &[Atom]) -> Option<Vec<usize>> {
        let mut end = atoms.len();
        let mut starts = Vec::with_capacity(self.pieces.len());
        for piece in self.pieces.iter().rev() {
            let before = atoms.get(..end)?;
            end = before.windows(piece.len()).rposition(|window| fits(piece, window))?;
            starts.push(end);
        }
        starts.reverse();
        Some(starts)
    }

    /// The first start of each piece in `atoms`, pieces kept in order.
    fn earliest(&self, atoms: &[Atom]) -> Option<Vec<usize>> {
        let mut from = 0;
        let mut starts = Vec::with_capacity(self.pieces.len());
        for piece in &self.pieces {
            let behind = atoms.get(from..)?;
            let start =
                from + behind.windows(piece.len()).position(|window| fits(piece, window))?;
            starts.push(start);
            from = start + piece.len();
        }
        Some(starts)
    }
}

/// Splits a text into its shape and its numbers.
pub fn shape(text: &str) -> Shape {
    let mut shape = Shape::default();
    let mut previous = None;
    for atom in pieces(text).into_iter().flatten() {
        match &atom {
            Atom::Han(character) => shape.shape.push(*character),
            Atom::Letter { letter, starts_word } => {
                if *starts_word && matches!(previous, Some(Atom::Letter { .. })) {
                    shape.shape.push(' ');
                }
                shape.shape.push(*letter);
            }
            Atom::Number(digits) => {
                if matches!(previous, Some(Atom::Number(_))) {
                    shape.shape.push(' ');
                }
                shape.shape.push('#');
                if shape.numbers.len() < NUMBERS_MAX {
                    shape.numbers.extend(digits.as_deref().map(leading_number));
                }
            }
        }
        previous = Some(atom);
    }
    shape
}

/// The keys below which a shape is indexed: Han characters, pairs of neighbours, beginnings of words
/// up to [`WORD_LETTERS_MAX`] letters, and [`INNER_LETTERS`] neighbours within words. Numbers have
/// none.
pub fn grams(shape: &str) -> BTreeSet<String> {
    let mut grams = BTreeSet::new();
    let mut han = None;
    let mut word = Vec::new();
    for atom in shape_atoms(shape) {
        let before = han.take();
        match atom {
            Atom::Han(character) => {
                grams.insert(character.to_string());
                if let Some(before) = before {
                    grams.insert(String::from_iter([before, character]));
                }
                han = Some(character);
            }
            Atom::Letter { letter, starts_word } => {
                if starts_word {
                    word.clear();
                }
                word.push(letter);
                if word.len() <= WORD_LETTERS_MAX {
                    grams.insert(word.iter().collect());
                }
                let inner = word.len().checked_sub(INNER_LETTERS);
                grams.extend(inner.and_then(|from| word.get(from..)).map(String::from_iter));
            }
            Atom::Number(_) => {}
        }
    }
    grams
}

/// Reads what somebody searches for.
pub fn query(text: &str) -> Query {
    Query { pieces: pieces(text) }
}

/// Whether some text of this shape can match.
pub fn matches_shape(query: &Query, shape: &str) -> bool {
    query.earliest(&shape_atoms(shape)).is_some()
}

/// Whether the text is one that the query asks for: the last word on a candidate.
pub fn matches(query: &Query, text: &str) -> bool {
    let atoms: Vec<_> = pieces(text).into_iter().flatten().collect();
    query.earliest(&atoms).is_some()
}

/// The numbers of a posting as bytes: their order is the order of the numbers, one by one, and the
/// bytes of the first numbers are a prefix that no other first numbers have.
pub fn posting_key(numbers: &[u64]) -> Vec<u8> {
    let mut key = Vec::with_capacity(numbers.len() * 2);
    for number in numbers {
        // The count of the bytes that follow, then the bytes from the first that is not 0.
        let bytes = number.to_be_bytes();
        let zeros = bytes.iter().take_while(|&&byte| byte == 0).count();
        key.extend(u8::try_from(bytes.len() - zeros));
        key.extend(bytes.iter().skip(zeros));
    }
    key
}

/// The beginning of the [`posting_key`] of every text of this shape that can match, where the
/// query leaves only one choice for the leading numbers. `None`: all postings must be scanned.
pub fn numbers_prefix(query: &Query, shape: &str) -> Option<Vec<u8>> {
    let atoms = shape_atoms(shape);
    let (earliest, latest) = (query.earliest(&atoms)?, query.latest(&atoms)?);
    let mut fixed = vec![None; atoms.len()];
    for ((piece, first), last) in query.pieces.iter().zip(earliest).zip(latest) {
        // A piece that fits in one place only fixes the numbers in it.
        if first == last {
            for (place, atom) in fixed.iter_mut().skip(first).zip(piece) {
                *place = Some(atom);
            }
        }
    }
    let places = atoms.iter().zip(fixed).filter(|(atom, _)| matches!(atom, Atom::Number(_)));
    let mut numbers = Vec::new();
    for (_, asked) in places.take(NUMBERS_MAX) {
        let Some(Atom::Number(Some(digits))) = asked else { break };
        numbers.push(leading_number(digits));
    }
    if numbers.is_empty() { None } else { Some(posting_key(&numbers)) }
}

/// Finds a number in free text that tells who a person is: `IDENTITY_NUMBER` for a resident's
/// identity number (GB 11643, 18 characters with a true check character, or the 15 digits of
/// before 1999), `PHONE_NUMBER` for a mobile number of the mainland.
///
/// Numbers are found in full width, with `+86` before them, and set in the usual groups (3-4-4 and
/// 6-8-4). Longer and shorter rows of digits, such as house codes, are left alone. It is a net
/// with holes: numerals in words, other groupings and landlines pass.
pub fn identity_violation(text: &str) -> Option<&'static str> {
    let folded: Vec<char> = text.chars().filter(|&c| !is_unseen(c)).map(to_ascii).collect();
    let runs = digit_runs(&folded);
    let grouped = |lengths: [usize; 3]| {
        runs.windows(3).filter_map(move |window| match window {
            [a, b, c]
                if [a.digits.len(), b.digits.len(), c.digits.len()] == lengths
                    && b.is_joined
                    && c.is_joined =>
            {
                let digits = [a.digits.as_str(), &b.digits, &c.digits].concat();
                Some(DigitRun { digits, ends_in_x: c.ends_in_x, is_joined: false })
            }
            _ => None,
        })
    };
    let in_groups = grouped([6, 8, 4]).chain(grouped([6, 8, 3])).chain(grouped([3, 4, 4]));
    let candidates: Vec<_> = runs.iter().cloned().chain(in_groups).collect();
    if candidates.iter().any(is_identity_number) {
        Some("IDENTITY_NUMBER")
    } else if candidates.iter().any(is_mobile_number) {
        Some("PHONE_NUMBER")
    } else {
        None
    }
}

/// The unbroken rows of atoms of a text.
fn pieces(text: &str) -> Vec<Vec<Atom>> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    let normal = text.chars().filter(|&c| !is_unseen(c)).map(to_ascii).flat_map(char::to_lowercase);
    for character in normal.filter(|&c| !is_unseen(c)) {
        match (to_common(character), piece.last_mut()) {
            (digit @ '0'..='9', Some(Atom::Number(Some(digits)))) => {
                if digits == "0" {
                    digits.clear();
                }
                digits.push(digit);
            }
            (digit @ '0'..='9', _) => piece.push(Atom::Number(Some(digit.to_string()))),
            ('#', Some(Atom::Number(_))) => piece.push(Atom::Han('号')),
            (letter, last) if letter.is_alphabetic() && letter < FIRST_UNSPACED => {
                let starts_word = !matches!(last, Some(Atom::Letter { .. }));
                piece.push(Atom::Letter { letter, starts_word });
            }
            (han, _) if han.is_alphanumeric() => piece.push(Atom::Han(han)),
            _ => pieces.push(std::mem::take(&mut piece)),
        }
    }
    pieces.push(piece);
    pieces.retain(|piece| !piece.is_empty());
    pieces
}

/// The atoms of what [`shape`] made.
fn shape_atoms(shape: &str) -> Vec<Atom> {
    let mut atoms = Vec::new();
    let mut in_word = false;
    for character in shape.chars() {
        let was_in_word = std::mem::take(&mut in_word);
        match character {
            '#' => atoms.push(Atom::Number(None)),
            ' ' => {}
            letter if letter.is_alphabetic() && letter < FIRST_UNSPACED => {
                in_word = true;
                atoms.push(Atom::Letter { letter, starts_word: !was_in_word });
            }
            han => atoms.push(Atom::Han(han)),
        }
    }
    atoms
}

/// Whether the atoms of a query's piece stand in a window of the same length.
fn fits(piece: &[Atom], window: &[Atom]) -> bool {
    piece.iter().zip(window).enumerate().all(|(place, (asked, there))| match (asked, there) {
        (Atom::Number(_), Atom::Number(None)) => true,
        (
            Atom::Letter { letter, starts_word: true },
            Atom::Letter { letter: other, starts_word: false },
        ) => place == 0 && letter == other && first_word(piece) >= INNER_LETTERS,
        (asked, there) => asked == there,
    })
}

/// The letters of the word with which a piece begins.
fn first_word(piece: &[Atom]) -> usize {
    let is_letter = |atom: &&Atom| matches!(atom, Atom::Letter { .. });
    piece.iter().take_while(is_letter).count()
}

/// The grams that a piece asks for: pairs, single characters where there is no pair, and for each word
/// its beginning, or what may stand within another.
fn asked_grams(piece: &[Atom]) -> Vec<String> {
    let mut grams = Vec::new();
    let is_same_kind = |a: &Atom, b: &Atom| match (a, b) {
        (Atom::Letter { .. }, Atom::Letter { starts_word, .. }) => !starts_word,
        (a, b) => std::mem::discriminant(a) == std::mem::discriminant(b),
    };
    for (place, run) in piece.chunk_by(is_same_kind).enumerate() {
        let is_first = place == 0;
        let characters: Vec<char> = run
            .iter()
            .filter_map(|atom| match atom {
                Atom::Han(character) | Atom::Letter { letter: character, .. } => Some(*character),
                Atom::Number(_) => None,
            })
            .collect();
        match run {
            [Atom::Han(_), _, ..] => grams.extend(characters.windows(2).map(String::from_iter)),
            [Atom::Han(only)] => grams.push(only.to_string()),
            [Atom::Letter { .. }, ..] if is_first && characters.len() >= INNER_LETTERS => {
                grams.extend(characters.windows(INNER_LETTERS).map(String::from_iter));
            }
            [Atom::Letter { .. }, ..] => {
                grams.push(characters.iter().take(WORD_LETTERS_MAX).collect());
            }
            _ => {}
        }
    }
    grams
}

/// The number that the first [`DIGITS_MAX`] digits make.
fn leading_number(digits: &str) -> u64 {
    let digits = digits.bytes().take(DIGITS_MAX).map(|digit| u64::from(digit.wrapping_sub(b'0')));
    digits.fold(0, |number, digit| number * 10 + digit)
}

/// Full-width ASCII and the wide space to ASCII.
pub(crate) fn to_ascii(character: char) -> char {
    match character {
        '\u{FF01}'..='\u{FF5E}' => {
            char::from_u32(u32::from(character) - 0xFF01 + 0x21).unwrap_or(character)
        }
        '\u{3000}' => ' ',
        _ => character,
    }
}

/// The few variants that stand for each other in addresses.
fn to_common(character: char) -> char {
    match character {
        '號' => '号',
        '樓' => '楼',
        '棟' => '栋',
        '○' => '〇',
        _ => character,
    }
}

/// What is not seen or not said, and so neither matches nor separates.
pub(crate) fn is_unseen(character: char) -> bool {
    matches!(
        character,
        '\'' | '’' | '＇'
            | '\u{00AD}'
            | '\u{0300}'..='\u{036F}'
            | '\u{200B}'..='\u{200F}'
            | '\u{2060}'
            | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}'
            | '\u{E0100}'..='\u{E01EF}'
    )
}

/// A row of ASCII digits in free text.
#[derive(Clone, Debug)]
struct DigitRun {
    digits: String,
    /// An X follows that belongs to no word or code.
    ends_in_x: bool,
    /// Only one space or hyphen is between this and the row before.
    is_joined: bool,
}

fn digit_runs(text: &[char]) -> Vec<DigitRun> {
    let mut runs = Vec::new();
    let mut end_before = None;
    let mut start = 0;
    for stretch in text.chunk_by(|a, b| a.is_ascii_digit() == b.is_ascii_digit()) {
        let end = start + stretch.len();
        if stretch.first().is_some_and(char::is_ascii_digit) {
            let next = (text.get(end), text.get(end + 1));
            let ends_in_x = matches!(next.0, Some('x' | 'X'))
                && next.1.is_none_or(|character| !character.is_ascii_alphanumeric());
            let is_joined = end_before.is_some_and(|before: usize| before + 1 == start)
                && matches!(text.get(start.wrapping_sub(1)), Some(' ' | '-'));
            runs.push(DigitRun { digits: stretch.iter().collect(), ends_in_x, is_joined });
            end_before = Some(end);
        }
        start = end;
    }
    runs
}

fn is_identity_number(run: &DigitRun) -> bool {
    let digits: Vec<u32> = run.digits.chars().filter_map(|digit| digit.to_digit(10)).collect();
    let number = |from: usize, to: usize| {
        digits.get(from..to).unwrap_or(&[]).iter().fold(0, |number, digit| number * 10 + digit)
    };
    let is_day = |month: u32, day: u32| (1..=12).contains(&month) && (1..=31).contains(&day);
    match (digits.len(), run.ends_in_x) {
        (18, _) | (17, true) => {
            // GB 11643: weights 2^(17-i) mod 11, and the check character 10 is an X.
            const WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
            let sum: u32 = digits.iter().zip(WEIGHTS).map(|(digit, weight)| digit * weight).sum();
            let check = digits.get(17).copied().unwrap_or(10);
            number(0, 1) != 0
                && (1800..2100).contains(&number(6, 10))
                && is_day(number(10, 12), number(12, 14))
                && (sum + check) % 11 == 1
        }
        (15, _) => is_old_region(number(0, 2)) && is_day(number(8, 10), number(10, 12)),
        _ => false,
    }
}

/// The province codes that numbers of 15 digits began with (GB/T 2260).
fn is_old_region(code: u32) -> bool {
    matches!(code, 11..=15 | 21..=23 | 31..=37 | 41..=46 | 50..=54 | 61..=65 | 71 | 81 | 82)
}

fn is_mobile_number(run: &DigitRun) -> bool {
    let digits = run.digits.as_str();
    let own = ["0086", "86"]
        .iter()
        .find_map(|country| digits.strip_prefix(country).filter(|rest| rest.len() == 11))
        .unwrap_or(digits);
    own.len() == 11 && own.starts_with('1') && matches!(own.as_bytes().get(1), Some(b'3'..=b'9'))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;

    use super::*;

    fn check_shapes(texts: &[&str], expected: &Expect) {
        let lines = texts.iter().map(|text| {
            let Shape { shape, numbers } = shape(text);
            format!("{text:?} -> {shape:?} {numbers:?}\n")
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn a_text_is_its_shape_and_its_numbers() {
        check_shapes(
            &[
                "人民路12号3号楼",
                "人民路１２号３號樓",
                " 人民路 012 号，3#楼 ",
                "人民路甲12-3号",
                "12号院3号楼2单元",
                "B座1201室",
                "b 座 1201 室",
                "Renmin  Road, 12",
                "Xi'an Lu 7",
                "12 3",
                "123",
                "000",
                "二○一二年（北区）",
                "#3 楼",
                "A1B2",
                "99999999999999999999999号",
                "1-2-3-4-5-6-7-8-9-10",
                "",
                " -，。()·",
                "🏠🏡",
                "阳光🏠小区3️⃣期",
                "①号",
                "İstanbul é e\u{301}",
                "전농동 12",
            ],
            &expect![[r##"
                "人民路12号3号楼" -> "人民路#号#号楼" [12, 3]
                "人民路１２号３號樓" -> "人民路#号#号楼" [12, 3]
                " 人民路 012 号，3#楼 " -> "人民路#号#号楼" [12, 3]
                "人民路甲12-3号" -> "人民路甲# #号" [12, 3]
                "12号院3号楼2单元" -> "#号院#号楼#单元" [12, 3, 2]
                "B座1201室" -> "b座#室" [1201]
                "b 座 1201 室" -> "b座#室" [1201]
                "Renmin  Road, 12" -> "renmin road#" [12]
                "Xi'an Lu 7" -> "xian lu#" [7]
                "12 3" -> "# #" [12, 3]
                "123" -> "#" [123]
                "000" -> "#" [0]
                "二○一二年（北区）" -> "二〇一二年北区" []
                "#3 楼" -> "#楼" [3]
                "A1B2" -> "a#b#" [1, 2]
                "99999999999999999999999号" -> "#号" [999999999999999999]
                "1-2-3-4-5-6-7-8-9-10" -> "# # # # # # # # # #" [1, 2, 3, 4, 5, 6, 7, 8]
                "" -> "" []
                " -，。()·" -> "" []
                "🏠🏡" -> "" []
                "阳光🏠小区3\u{fe0f}\u{20e3}期" -> "阳光小区#期" [3]
                "①号" -> "①号" []
                "İstanbul é e\u{301}" -> "istanbul é e" []
                "전농동 12" -> "전농동#" [12]
            "##]],
        );
    }

    #[test]
    fn grams_are_characters_pairs_and_parts_of_words() {
        let grams = grams("人民路#号#号楼b座 renminlu xx");
        let grams: Vec<_> = grams.iter().map(String::as_str).collect();
        expect![
            "b enm inl min nlu nmi r re ren renm renmi renmin renminl renminlu x xx 人 人民 号 号楼 座 楼 民 民路 路"
        ]
        .assert_eq(&grams.join(" "));
        let asked = |text: &str| Vec::from_iter(query(text).grams()).join(" ");
        expect!["b ren xx 号 民路"].assert_eq(&asked("民路12号 b ren xx"));
        expect!["inl min nlu"].assert_eq(&asked("minlu"));
        // Behind another character a word begins.
        expect!["renminlu 路"].assert_eq(&asked("路renminluxx"));
    }

    /// One line for each query: whether the text matches, and what the query pins of its numbers.
    fn check_search(text: &str, queries: &[&str], expected: &Expect) {
        let shape = shape(text).shape;
        let lines = queries.iter().map(|asked| {
            let query = query(asked);
            let pinned = numbers_prefix(&query, &shape).map_or("-".to_owned(), |key| {
                key.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
            });
            let is_match = if matches(&query, text) { "yes" } else { "no " };
            let can_match = if matches_shape(&query, &shape) { "yes" } else { "no " };
            format!("{is_match} shape {can_match} pinned {pinned:<8} {asked}\n")
        });
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn an_address_is_found_by_its_pieces_in_their_order() {
        check_search(
            "朝阳区人民路12号3号楼",
            &[
                "人民路 12",
                "人民路12",
                "１２号 ３號樓",
                "12-3",
                "12 3",
                "3",
                "12",
                "120",
                "1",
                "2号",
                "路0012号3",
                "朝阳 人民 楼",
                "朝阳人民",
                "人民 民路",
                "12号人民",
                "3号楼",
                "民",
                "renmin road 12",
                "",
            ],
            &expect![[r"
                yes shape yes pinned -        人民路 12
                yes shape yes pinned 010c     人民路12
                yes shape yes pinned 010c0103 １２号 ３號樓
                yes shape yes pinned 010c0103 12-3
                yes shape yes pinned 010c0103 12 3
                yes shape yes pinned -        3
                yes shape yes pinned -        12
                no  shape yes pinned -        120
                no  shape yes pinned -        1
                no  shape yes pinned -        2号
                yes shape yes pinned 010c0103 路0012号3
                yes shape yes pinned -        朝阳 人民 楼
                no  shape no  pinned -        朝阳人民
                no  shape no  pinned -        人民 民路
                no  shape no  pinned -        12号人民
                yes shape yes pinned -        3号楼
                yes shape yes pinned -        民
                no  shape no  pinned -        renmin road 12
                yes shape yes pinned -        
            "]],
        );
    }

    #[test]
    fn a_latin_word_is_found_by_its_beginning_and_by_three_letters_within() {
        check_search(
            "No. 12 Renmin Road, Block B2",
            &[
                "renmin road",
                "REN ROAD",
                "ren road",
                "min",
                "in",
                "enmin road",
                "nmin, 2",
                "minx",
                "12 renmin",
                "12 enmin",
                "b2",
                "b",
                "b 2",
                "renminroad",
                "12 2",
            ],
            &expect![[r"
                yes shape yes pinned -        renmin road
                yes shape yes pinned -        REN ROAD
                yes shape yes pinned -        ren road
                yes shape yes pinned -        min
                no  shape no  pinned -        in
                yes shape yes pinned -        enmin road
                yes shape yes pinned -        nmin, 2
                no  shape no  pinned -        minx
                yes shape yes pinned 010c     12 renmin
                yes shape yes pinned 010c     12 enmin
                yes shape yes pinned -        b2
                yes shape yes pinned -        b
                yes shape yes pinned -        b 2
                no  shape no  pinned -        renminroad
                yes shape yes pinned 010c0102 12 2
            "]],
        );
    }

    #[test]
    fn postings_are_in_the_order_of_their_numbers() {
        let sorted: [&[u64]; 10] = [
            &[],
            &[0],
            &[1],
            &[12],
            &[12, 3],
            &[12, 300],
            &[120],
            &[255, 1],
            &[256],
            &[999_999_999_999_999_999],
        ];
        assert!(sorted.map(posting_key).is_sorted());
        assert!(posting_key(&[12, 3]).starts_with(&posting_key(&[12])));
        assert!(!posting_key(&[120]).starts_with(&posting_key(&[12])));
        assert_eq!(posting_key(&[12, 3]).len(), 4);
    }

    #[test]
    fn numbers_of_persons_are_found_and_others_left_alone() {
        let texts = [
            "身份证11010519491231002X",
            "440524188001010014。",
            "110105 19491231 002x",
            "１１０１０５１９４９１２３１００２Ｘ",
            "1101\u{200B}0519491231002X",
            "110105491231002",
            "110105194912310021",
            "11010519491231002X1",
            "11010519491331002X",
            "13812345678",
            "电话:138-1234-5678",
            "+86 138 1234 5678",
            "+8613812345678",
            "008613812345678",
            "tel１３８１２３４５６７８找王",
            "12812345678",
            "138123456789",
            "138 12345678 9",
            "110101001001GB00001F00010001",
            "11010101020200109000003",
            "1101010102020010900000*",
            "京(2016)朝阳区不动产权第0000001号",
            "人民路138号1234-5678",
            "123456789012345",
            "",
        ];
        let lines =
            texts.map(|text| format!("{:<16} {text:?}\n", identity_violation(text).unwrap_or("-")));
        expect![[r#"
            IDENTITY_NUMBER  "身份证11010519491231002X"
            IDENTITY_NUMBER  "440524188001010014。"
            IDENTITY_NUMBER  "110105 19491231 002x"
            IDENTITY_NUMBER  "１１０１０５１９４９１２３１００２Ｘ"
            IDENTITY_NUMBER  "1101\u{200b}0519491231002X"
            IDENTITY_NUMBER  "110105491231002"
            -                "110105194912310021"
            -                "11010519491231002X1"
            -                "11010519491331002X"
            PHONE_NUMBER     "13812345678"
            PHONE_NUMBER     "电话:138-1234-5678"
            PHONE_NUMBER     "+86 138 1234 5678"
            PHONE_NUMBER     "+8613812345678"
            PHONE_NUMBER     "008613812345678"
            PHONE_NUMBER     "tel１３８１２３４５６７８找王"
            -                "12812345678"
            -                "138123456789"
            -                "138 12345678 9"
            -                "110101001001GB00001F00010001"
            -                "11010101020200109000003"
            -                "1101010102020010900000*"
            -                "京(2016)朝阳区不动产权第0000001号"
            -                "人民路138号1234-5678"
            -                "123456789012345"
            -                ""
        "#]]
        .assert_eq(&lines.concat());
    }

    /// Texts made of what addresses are made of, so that matches are frequent.
    fn address() -> impl Strategy<Value = String> {
        let token = prop_oneof![
            4 => prop_oneof![
                Just("人"), Just("民"), Just("路"), Just("号"), Just("號"), Just("楼"), Just("座"),
                Just("1"), Just("12"), Just("012"), Just("３"), Just("b"), Just("Ｂ"), Just("ren"),
                Just("min"), Just(" "), Just("-"), Just("，"), Just("#"), Just("'"), Just("🏠"),
            ].prop_map(str::to_owned),
            1 => any::<char>().prop_map(String::from),
        ];
        proptest::collection::vec(token, 0..14).prop_map(|tokens| tokens.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn every_text_is_found_by_itself(text in prop_oneof![any::<String>(), address()]) {
            check_found(&query(&text), &text);
        }

        #[test]
        fn nothing_that_matches_is_missed_by_the_index((asked, text) in (address(), address())) {
            let asked = query(&asked);
            if matches(&asked, &text) {
                check_found(&asked, &text);
            }
        }

        #[test]
        fn a_part_of_a_text_finds_it(text in address(), (a, b) in (0..40_usize, 0..40_usize)) {
            check_part(&text, a, b);
        }

        #[test]
        fn keys_order_as_numbers_do(
            a in proptest::collection::vec(prop_oneof![0..300_u64, any::<u64>()], 0..5),
            b in proptest::collection::vec(prop_oneof![0..300_u64, any::<u64>()], 0..5),
        ) {
            prop_assert_eq!(posting_key(&a).cmp(&posting_key(&b)), a.cmp(&b));
            prop_assert_eq!(posting_key(&a).starts_with(&posting_key(&b)), a.starts_with(&b));
        }

        #[test]
        fn an_identity_number_is_found_wherever_it_stands(
            (region, year, month) in (110_000..820_000_u32, 1900..2030_u32, 1..=12_u32),
            (day, serial) in (1..=28_u32, 0..1000_u32),
        ) {
            check_identity(&format!("{region}{year}{month:02}{day:02}{serial:03}"));
        }
    }

    fn check_found(query: &Query, text: &str) {
        let shape = shape(text);
        assert!(matches(query, text));
        assert!(matches_shape(query, &shape.shape), "{query:?} {shape:?}");
        assert!(query.grams().is_subset(&grams(&shape.shape)), "{query:?} {shape:?}");
        if let Some(prefix) = numbers_prefix(query, &shape.shape) {
            assert!(posting_key(&shape.numbers).starts_with(&prefix), "{query:?} {shape:?}");
        }
    }

    /// A part that cuts no number and begins no word in its middle finds the text.
    fn check_part(text: &str, a: usize, b: usize) {
        let characters: Vec<char> = text.chars().map(to_ascii).collect();
        let (a, b) = (a.min(characters.len()), b.min(characters.len()));
        let (before, part) = characters[..a.max(b)].split_at(a.min(b));
        let behind = &characters[a.max(b)..];
        let is_plain = |c: &char| matches!(c, '人' | '民' | '路' | '号' | '楼' | '座' | ' ');
        if before.last().is_none_or(is_plain) && behind.first().is_none_or(is_plain) {
            check_found(&query(&part.iter().collect::<String>()), text);
        }
    }

    /// Recomputes the check character by the polynomial of ISO 7064 MOD 11-2.
    fn check_identity(body: &str) {
        let rest = body.bytes().fold(0, |rest, digit| (rest + u32::from(digit - b'0')) * 2 % 11);
        for check in 0..11 {
            let last = if check == 10 { 'X' } else { char::from_digit(check, 10).unwrap() };
            let is_true = (rest + check) % 11 == 1;
            let found = identity_violation(&format!("见{body}{last}号"));
            assert_eq!(found == Some("IDENTITY_NUMBER"), is_true, "{body}{last}");
        }
    }
}
