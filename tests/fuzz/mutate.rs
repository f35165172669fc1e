//! Inputs made of valid ones by small harm, and what is kept of the one that broke something.

use std::{
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    path::PathBuf,
    str::FromStr,
};

/// A number from the environment.
fn given<T: FromStr>(name: &str) -> Option<T> {
    let text = env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// How many times the usual number of inputs is thrown.
pub(crate) fn rounds() -> usize {
    given("ANJU_FUZZ_ROUNDS").unwrap_or(1)
}

/// What all choices follow from.
pub(crate) fn seed() -> u64 {
    given("ANJU_FUZZ_SEED").unwrap_or_else(|| uuid::Uuid::new_v4().as_u64_pair().0)
}

/// Choices that follow from a seed: splitmix64.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// One of the numbers below `end`; 0 where there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        let end = u64::try_from(end).unwrap().max(1);
        usize::try_from(self.number() % end).unwrap()
    }

    /// Whether something happens that happens so many times in a hundred.
    pub(crate) fn happens(&mut self, in_a_hundred: usize) -> bool {
        self.below(100) < in_a_hundred
    }

    pub(crate) fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }

    fn byte(&mut self) -> u8 {
        self.number().to_le_bytes()[0]
    }

    /// Two places of a text of this length, in order, not far from each other.
    fn span(&mut self, length: usize) -> (usize, usize) {
        let from = self.below(length + 1);
        let most = if self.happens(80) { 8 } else { length + 1 };
        (from, (from + self.below(most)).min(length))
    }
}

/// Numbers at which something ends.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1",
    "9",
    "10",
    "255",
    "256",
    "999",
    "9999",
    "10000",
    "32767",
    "32768",
    "65535",
    "65536",
    "2147483647",
    "2147483648",
    "4294967295",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "99999999999999999999999999999999999999999",
    "1e9",
    "0.1",
    "1.",
    ".5",
    "+1",
    "１２",
    "NaN",
];

/// Bytes that mean something to somebody.
const BYTES: &[&[u8]] = &[
    b"\0",
    b"\n",
    b"\r\n",
    b"\"",
    b"'",
    b"\\",
    b",",
    b";",
    b":",
    b"=",
    b"[",
    b"]",
    b"{",
    b"}",
    b"#",
    b"..",
    b"/",
    b"%",
    b" ",
    b"\t",
    b"\xff",
    b"\xff\xff\xff\xff",
    b"\x80",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\xff\xfe",
    b"\x1f\x8b\x08",
    b"PK\x03\x04",
    b"\x81\x30\x81\x30",
    b"\xb0\xa1",
    b"\x00\x00\x00\x00",
    b"\x7f\xff\xff\xff",
    b"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01",
    "楼".as_bytes(),
    "\u{3000}".as_bytes(),
    "\u{202e}".as_bytes(),
    "\u{0}".as_bytes(),
    "𠮷".as_bytes(),
    "e\u{301}".as_bytes(),
];

/// A door: its name, valid inputs, and words that are likely to lead further in.
pub(crate) struct Door<'a> {
    pub(crate) name: &'a str,
    pub(crate) samples: Vec<Vec<u8>>,
    pub(crate) words: &'a [&'a str],
    /// Inputs of one round.
    pub(crate) inputs: usize,
}

impl Door<'_> {
    /// Throws inputs: the samples as they are first, then what comes of them.
    pub(crate) fn throw(&self, mut take: impl FnMut(&[u8])) {
        if let Ok(path) = env::var("ANJU_FUZZ_INPUT") {
            if PathBuf::from(&path).file_name().unwrap().to_string_lossy().starts_with(self.name) {
                take(&fs::read(path).unwrap());
            }
            return;
        }
        let seed = seed();
        let mut dice = Dice::new(seed);
        for sample in &self.samples {
            self.one(seed, sample, &mut take);
        }
        for _ in 0..self.inputs * rounds() {
            let input = self.input(&mut dice);
            self.one(seed, &input, &mut take);
        }
    }

    fn one(&self, seed: u64, input: &[u8], take: &mut impl FnMut(&[u8])) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| take(input))) {
            let name = format!("{}-{seed}", self.name);
            let path = keep(&name, input);
            eprintln!("the door `{}` broke: ANJU_FUZZ_SEED={seed} gives the run again,", self.name);
            eprintln!("ANJU_FUZZ_INPUT={} this input: {:?}", path.display(), Shown(input));
            resume_unwind(panic);
        }
    }

    /// An input: arbitrary now and then, mostly a valid one with a few faults.
    pub(crate) fn input(&self, dice: &mut Dice) -> Vec<u8> {
        if self.samples.is_empty() || dice.happens(3) {
            let length = dice.below(64);
            return (0..length).map(|_| dice.byte()).collect();
        }
        let mut input = dice.one(&self.samples).clone();
        for _ in 0..=dice.below(4) {
            self.harm(dice, &mut input);
        }
        input
    }

    fn harm(&self, dice: &mut Dice, input: &mut Vec<u8>) {
        let (from, to) = dice.span(input.len());
        match dice.below(12) {
            0 if from < input.len() => input[from] ^= 1 << dice.below(8),
            1 if from < input.len() => input[from] = dice.byte(),
            2 => {
                input.drain(from..to);
            }
            3 => {
                let again = input[from..to].to_vec();
                let times = *dice.one(&[1, 1, 1, 2, 40]);
                let again = again.repeat(times);
                input.splice(from..from, again);
            }
            4 => {
                let bytes: &&[u8] = dice.one(BYTES);
                put(input, from, from, bytes);
            }
            5 => put(input, from, to, dice.one(NUMBERS).as_bytes()),
            6 => number_in(dice, input),
            7 if !self.words.is_empty() => {
                let word = dice.one(self.words).as_bytes();
                let until = if dice.happens(50) { from } else { to };
                put(input, from, until, word);
            }
            8 => {
                let other = dice.one(&self.samples);
                let (begin, end) = dice.span(other.len());
                let piece = other[begin..end].to_vec();
                put(input, from, to, &piece);
            }
            9 => input.truncate(from),
            10 => {
                let byte = *dice.one(b"0aZ\"[({-._ \0\xff");
                let many = *dice.one(&[2, 33, 300, 5_000]);
                put(input, from, from, &vec![byte; many]);
            }
            _ => {
                let other = dice.below(input.len());
                if from < input.len() {
                    input.swap(from, other);
                }
            }
        }
    }
}

fn put(input: &mut Vec<u8>, from: usize, to: usize, bytes: &[u8]) {
    input.splice(from..to, bytes.iter().copied());
}

/// Puts another number where one stands.
fn number_in(dice: &mut Dice, input: &mut Vec<u8>) {
    let begins =
        |at: &usize| input[*at].is_ascii_digit() && (*at == 0 || !input[*at - 1].is_ascii_digit());
    let places: Vec<usize> = (0..input.len()).filter(begins).collect();
    if places.is_empty() {
        return;
    }
    let from = *dice.one(&places);
    let digits = input[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    put(input, from, from + digits, dice.one(NUMBERS).as_bytes());
}

/// Keeps an input in the build's folder for tests.
pub(crate) fn keep(name: &str, input: &[u8]) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.input"));
    fs::write(&path, input).unwrap();
    path
}

/// The begin of an input, for people.
struct Shown<'a>(&'a [u8]);

impl std::fmt::Debug for Shown<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let begin = self.0.get(..200).unwrap_or(self.0);
        write!(f, "{}", begin.escape_ascii())
    }
}
