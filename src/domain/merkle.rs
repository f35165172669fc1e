//! The Merkle tree over a partition's entries, as of RFC 6962 with SHA-256, kept in tiles.
//!
//! A tile holds up to 64 hashes of one height: tiles of level 0 the hashes of leaves, tiles of
//! level 1 the roots of 64 full tiles of level 0, and so on. A full tile never changes; only the
//! last tile of a level grows. So an append writes few keys, and a proof reads at most a few tiles
//! of each of the `log64(size)` levels.
//!
//! Nothing here stores anything: tiles are read through [`Tiles`], and [`append`] returns what is
//! to be written. The three kinds of hashed bytes begin with different bytes (0 a leaf, 1 a node,
//! 2 a part of an entry), so that none can be passed off as another.
//!
//! Proofs are the lists of RFC 6962 §2.1.1 and §2.1.2 in their order. They are checked offline by
//! [`verify_inclusion`] and [`verify_consistency`], which take leaf hashes: a reader from whom an
//! entry is withheld has no more than that.

use std::collections::BTreeMap;

use crate::kernel::hash::Hash;

/// Hashes of a full tile.
pub const TILE_HASHES: usize = 64;

/// The heights that a tile spans: a tile of level `n` holds nodes of height `6 n`.
const TILE_HEIGHT: u32 = 6;

/// The largest number of leaves that a tree may have: what a signed 64-bit number carries.
pub const SIZE_MAX: u64 = u64::MAX >> 1;

/// Where tiles are read from.
pub trait Tiles {
    /// Why a tile could not be read.
    type Error;

    /// The hashes of a tile in the order of their leaves, or `None` when it was never written.
    /// More hashes than an earlier size had are fine.
    fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, Self::Error>;
}

/// One tile that an append changed, whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TileWrite {
    /// 0 for the leaves.
    pub level: u8,
    /// The number of the tile within its level.
    pub index: u64,
    /// 1 to [`TILE_HASHES`] hashes.
    pub hashes: Vec<Hash>,
}

/// Why a tree could not be read or extended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TreeError<E> {
    /// The tiles could not be read.
    #[error(transparent)]
    Tiles(E),
    /// A tile that a tree of this size has is not there, or is too short.
    #[error("tile {index} of level {level} lacks hashes that a tree of this size has")]
    TileMissing {
        /// 0 for the leaves.
        level: u8,
        /// The number of the tile within its level.
        index: u64,
    },
    /// A leaf beyond the size, an old size beyond the new one, or a size beyond [`SIZE_MAX`].
    #[error("no such leaf or size in the tree")]
    OutOfRange,
}

/// Why a proof proves nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// A leaf beyond the size, or an old size beyond the new one.
    #[error("the proof is about a leaf or a size that the tree does not have")]
    OutOfRange,
    /// A proof for these sizes has another number of hashes.
    #[error("the proof has the wrong number of hashes")]
    WrongLength,
    /// The hashes do not lead to the root that was given.
    #[error("the proof does not lead to the root")]
    RootDiffers,
}

/// The hash of a leaf: of an entry's envelope as written.
pub fn leaf_hash(envelope: &[u8]) -> Hash {
    Hash::of(&[&[0], envelope])
}

/// The hash of one part of an entry, which stands in the envelope for the part.
///
/// Whoever has the part and its salt can recompute it; whoever has neither learns nothing from it,
/// because the salt cannot be guessed.
pub fn part_hash(kind: u32, salt: &[u8; 16], content: &[u8]) -> Hash {
    Hash::of(&[&[2], &kind.to_le_bytes(), salt, content])
}

/// The root of the tree without leaves.
pub fn empty_root() -> Hash {
    Hash::of(&[])
}

/// Appends leaf hashes to a tree of `size` leaves; returns the tiles to write, lower levels first.
///
/// The tree afterwards has `size + leaves.len()` leaves. Reads at most the last tile of each level
/// that changes. Hashes beyond `size` in those tiles are overwritten.
pub fn append<T: Tiles + ?Sized>(
    tiles: &T,
    size: u64,
    leaves: &[Hash],
) -> Result<Vec<TileWrite>, TreeError<T::Error>> {
    let added = u64::try_from(leaves.len()).map_err(|_| TreeError::OutOfRange)?;
    if size.checked_add(added).is_none_or(|after| after > SIZE_MAX) {
        return Err(TreeError::OutOfRange);
    }
    let mut writes = Vec::new();
    let mut reader = Reader::new(tiles);
    let mut level = 0;
    let mut present = size;
    let mut pending = leaves.to_vec();
    while !pending.is_empty() {
        let (mut index, used) = split(present);
        let mut hashes = reader.hashes(level, index, 0..used)?.to_vec();
        let mut full_roots = Vec::new();
        for hash in pending {
            hashes.push(hash);
            if hashes.len() == TILE_HASHES {
                full_roots.push(fold(&hashes));
                writes.push(TileWrite { level, index, hashes: std::mem::take(&mut hashes) });
                index += 1;
            }
        }
        if !hashes.is_empty() {
            writes.push(TileWrite { level, index, hashes });
        }
        pending = full_roots;
        present >>= TILE_HEIGHT;
        level += 1;
    }
    Ok(writes)
}

/// The root of the tree as it was at `size` leaves.
pub fn root<T: Tiles + ?Sized>(tiles: &T, size: u64) -> Result<Hash, TreeError<T::Error>> {
    match size {
        0 => Ok(empty_root()),
        1..=SIZE_MAX => Reader::new(tiles).subtree(0, size),
        _ => Err(TreeError::OutOfRange),
    }
}

/// The proof that leaf `index`, counted from 0, is in the tree of `size` leaves.
pub fn inclusion<T: Tiles + ?Sized>(
    tiles: &T,
    index: u64,
    size: u64,
) -> Result<Vec<Hash>, TreeError<T::Error>> {
    if index >= size || size > SIZE_MAX {
        return Err(TreeError::OutOfRange);
    }
    let mut reader = Reader::new(tiles);
    let mut proof = Vec::new();
    let (mut start, mut count) = (0, size);
    // From the root down; a proof is written from the leaf up.
    while count > 1 {
        let left = left_count(count);
        if index - start < left {
            proof.push(reader.subtree(start + left, count - left)?);
            count = left;
        } else {
            proof.push(reader.subtree(start, left)?);
            start += left;
            count -= left;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of `new_size` leaves begins with the tree of `old_size` leaves.
///
/// Empty for equal sizes, and for an old size of 0, with which every tree begins.
pub fn consistency<T: Tiles + ?Sized>(
    tiles: &T,
    old_size: u64,
    new_size: u64,
) -> Result<Vec<Hash>, TreeError<T::Error>> {
    if old_size > new_size || new_size > SIZE_MAX {
        return Err(TreeError::OutOfRange);
    }
    if old_size == 0 || old_size == new_size {
        return Ok(Vec::new());
    }
    let mut reader = Reader::new(tiles);
    let mut proof = Vec::new();
    let (mut start, mut count) = (0, new_size);
    // Descends to the largest subtree with which the old tree ends, and that both trees have.
    while start + count != old_size {
        let left = left_count(count);
        if old_size - start <= left {
            proof.push(reader.subtree(start + left, count - left)?);
            count = left;
        } else {
            proof.push(reader.subtree(start, left)?);
            start += left;
            count -= left;
        }
    }
    // When that subtree is the old tree itself, its root is known to whoever checks.
    if start > 0 {
        proof.push(reader.subtree(start, count)?);
    }
    proof.reverse();
    Ok(proof)
}

/// Checks offline that `leaf`, a leaf hash, is leaf `index` of the tree of `size` leaves and `root`.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange);
    }
    let mut climb = Climb { node: index, last: size - 1 };
    let mut hash = leaf;
    for &sibling in proof {
        hash = match climb.step().ok_or(ProofError::WrongLength)? {
            Side::Left => node_hash(sibling, hash),
            Side::Right => node_hash(hash, sibling),
        };
    }
    if climb.last != 0 {
        return Err(ProofError::WrongLength);
    }
    if hash == root { Ok(()) } else { Err(ProofError::RootDiffers) }
}

/// Checks offline that the tree of `new_size` leaves and `new_root` begins with the tree of
/// `old_size` leaves and `old_root`.
pub fn verify_consistency(
    old_size: u64,
    old_root: Hash,
    new_size: u64,
    new_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if old_size > new_size {
        return Err(ProofError::OutOfRange);
    }
    if old_size == 0 || old_size == new_size {
        let holds =
            if old_size == new_size { old_root == new_root } else { old_root == empty_root() };
        // The empty tree has one root, also when both are empty.
        let holds = holds && (old_size > 0 || old_root == empty_root());
        return match (proof.is_empty(), holds) {
            (false, _) => Err(ProofError::WrongLength),
            (true, false) => Err(ProofError::RootDiffers),
            (true, true) => Ok(()),
        };
    }
    let mut climb = Climb { node: old_size - 1, last: new_size - 1 };
    climb.skip(climb.node.trailing_ones());
    let (seed, rest) = if climb.node == 0 {
        (old_root, proof)
    } else {
        let (seed, rest) = proof.split_first().ok_or(ProofError::WrongLength)?;
        (*seed, rest)
    };
    let (mut old, mut new) = (seed, seed);
    for &sibling in rest {
        match climb.step().ok_or(ProofError::WrongLength)? {
            Side::Left => {
                old = node_hash(sibling, old);
                new = node_hash(sibling, new);
            }
            Side::Right => new = node_hash(new, sibling),
        }
    }
    if climb.last != 0 {
        return Err(ProofError::WrongLength);
    }
    if old == old_root && new == new_root { Ok(()) } else { Err(ProofError::RootDiffers) }
}

/// On which side of the path a sibling stands.
enum Side {
    Left,
    Right,
}

/// The way from a node up to the root: the node's and the last node's number at one height.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Goes up to the parent for which the next sibling is needed; `None` at the root.
    fn step(&mut self) -> Option<Side> {
        if self.last == 0 {
            return None;
        }
        if self.node & 1 == 0 && self.node < self.last {
            self.skip(1);
            return Some(Side::Right);
        }
        // A last node without a right neighbour rises unhashed until it is a right child.
        if self.node & 1 == 0 {
            self.skip(self.node.trailing_zeros());
        }
        self.skip(1);
        Some(Side::Left)
    }

    fn skip(&mut self, heights: u32) {
        self.node = self.node.checked_shr(heights).unwrap_or(0);
        self.last = self.last.checked_shr(heights).unwrap_or(0);
    }
}

/// Reads each tile once, however often a proof comes by it.
struct Reader<'a, T: ?Sized> {
    tiles: &'a T,
    seen: BTreeMap<(u8, u64), Vec<Hash>>,
}

impl<'a, T: Tiles + ?Sized> Reader<'a, T> {
    fn new(tiles: &'a T) -> Self {
        Self { tiles, seen: BTreeMap::new() }
    }

    /// The hashes at `places` of a tile; an empty range reads nothing.
    fn hashes(
        &mut self,
        level: u8,
        index: u64,
        places: std::ops::Range<usize>,
    ) -> Result<&[Hash], TreeError<T::Error>> {
        if places.is_empty() {
            return Ok(&[]);
        }
        let tile = match self.seen.entry((level, index)) {
            std::collections::btree_map::Entry::Occupied(seen) => seen.into_mut(),
            std::collections::btree_map::Entry::Vacant(vacant) => {
                let tile = self.tiles.tile(level, index).map_err(TreeError::Tiles)?;
                vacant.insert(tile.unwrap_or_default())
            }
        };
        tile.get(places).ok_or(TreeError::TileMissing { level, index })
    }

    /// The root of the `count` leaves from `start`, which is a multiple of the largest power of two
    /// that is not above `count`, and `count` at least 1.
    fn subtree(&mut self, start: u64, count: u64) -> Result<Hash, TreeError<T::Error>> {
        // From the right: perfect subtrees grow to the left.
        let mut end = start + count;
        let mut hash = None;
        while end > start {
            let height = (end - start).trailing_zeros();
            let perfect = self.perfect(height, (end >> height) - 1)?;
            hash = Some(hash.map_or(perfect, |right| node_hash(perfect, right)));
            end -= 1 << height;
        }
        hash.ok_or(TreeError::OutOfRange)
    }

    /// Node `number` of `height`, below which all leaves are there.
    fn perfect(&mut self, height: u32, number: u64) -> Result<Hash, TreeError<T::Error>> {
        let level = u8::try_from(height / TILE_HEIGHT).map_err(|_| TreeError::OutOfRange)?;
        let above = height % TILE_HEIGHT;
        let (index, place) = split(number << above);
        Ok(fold(self.hashes(level, index, place..place + (1 << above))?))
    }
}

/// The tile and the place in it of a hash of its level.
fn split(number: u64) -> (u64, usize) {
    let place = number & (TILE_HASHES as u64 - 1);
    (number >> TILE_HEIGHT, usize::try_from(place).unwrap_or(0))
}

/// The leaves of the left subtree of `count` ≥ 2 leaves: the largest power of two below `count`.
fn left_count(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

/// The root over a power of two of hashes.
fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [only] => *only,
        _ => {
            let (left, right) = hashes.split_at(hashes.len() / 2);
            node_hash(fold(left), fold(right))
        }
    }
}

fn node_hash(left: Hash, right: Hash) -> Hash {
    Hash::of(&[&[1], &left.0, &right.0])
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, convert::Infallible};

    use ct_merkle::{
        ConsistencyProof, InclusionProof, RootHash, mem_backed_tree::MemoryBackedTree,
    };
    use proptest::prelude::*;
    use sha2::Sha256;

    use super::*;

    type Oracle = MemoryBackedTree<Sha256, Vec<u8>>;

    /// Tiles in memory, and which of them were read.
    #[derive(Default)]
    struct Shelf {
        tiles: BTreeMap<(u8, u64), Vec<Hash>>,
        read: RefCell<Vec<(u8, u64)>>,
    }

    impl Tiles for Shelf {
        type Error = Infallible;

        fn tile(&self, level: u8, index: u64) -> Result<Option<Vec<Hash>>, Infallible> {
            self.read.borrow_mut().push((level, index));
            Ok(self.tiles.get(&(level, index)).cloned())
        }
    }

    impl Shelf {
        fn of(count: u64) -> Self {
            let mut shelf = Self::default();
            shelf.extend(0, count);
            shelf
        }

        /// Appends leaves `from..to` and returns how many tiles that wrote.
        fn extend(&mut self, from: u64, to: u64) -> usize {
            let leaves: Vec<_> = (from..to).map(|number| leaf_hash(&leaf(number))).collect();
            let writes = append(self, from, &leaves).unwrap();
            let count = writes.len();
            for TileWrite { level, index, hashes } in writes {
                assert!((1..=TILE_HASHES).contains(&hashes.len()));
                let before = self.tiles.insert((level, index), hashes);
                let before = before.unwrap_or_default();
                assert!(before.len() < TILE_HASHES, "a full tile was written again");
                assert!(self.tiles[&(level, index)].starts_with(&before), "a tile lost hashes");
            }
            count
        }
    }

    fn leaf(number: u64) -> Vec<u8> {
        format!("entry {number}").into_bytes()
    }

    fn oracle(count: u64) -> Oracle {
        let mut tree = Oracle::new();
        (0..count).for_each(|number| tree.push(leaf(number)));
        tree
    }

    fn bytes(proof: &[Hash]) -> Vec<u8> {
        proof.iter().flat_map(|hash| hash.0).collect()
    }

    fn oracle_root(root: Hash, size: u64) -> RootHash<Sha256> {
        RootHash::new(root.0.into(), size)
    }

    fn every_flip(proof: &[Hash]) -> impl Iterator<Item = Vec<Hash>> {
        (0..proof.len() * 256).map(|bit| {
            let mut flipped = proof.to_vec();
            flipped[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8);
            flipped
        })
    }

    #[test]
    fn the_roots_of_all_sizes_are_those_of_another_implementation() {
        let shelf = Shelf::of(600);
        let mut tree = Oracle::new();
        for size in 0..=600 {
            assert_eq!(root(&shelf, size).unwrap().0[..], tree.root().as_bytes()[..], "{size}");
            tree.push(leaf(size));
        }
    }

    #[test]
    fn the_roots_of_the_rfc_known_from_certificate_transparency_are_ours() {
        let text = empty_root().to_string();
        assert_eq!(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        let text = leaf_hash(&[]).to_string();
        assert_eq!(text, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
    }

    #[test]
    fn the_three_kinds_of_hash_differ_and_a_part_depends_on_all_it_is_made_of() {
        let part = part_hash(7, &[1; 16], b"text");
        assert_eq!(part, Hash::of(&[b"\x02\x07\0\0\0", &[1; 16], b"text"]));
        assert_ne!(part, part_hash(8, &[1; 16], b"text"));
        assert_ne!(part, part_hash(7, &[2; 16], b"text"));
        assert_ne!(part, part_hash(7, &[1; 16], b"texu"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn appending_in_pieces_is_appending_at_once(cuts in cuts()) {
            check_pieces(&cuts);
        }

        #[test]
        fn proofs_are_those_of_another_implementation(size in 1..600_u64) {
            check_inclusion(size);
            check_consistency(size);
        }

        #[test]
        fn a_flipped_bit_is_refused((a, b) in (1..600_u64, 1..600_u64), index in 0..600_u64) {
            check_flips(a.min(b), a.max(b), index % a.max(b));
        }

        #[test]
        fn a_proof_of_another_leaf_or_length_is_refused(size in 2..600_u64, index in 0..600_u64) {
            check_misuse(size, index % size);
        }

        #[test]
        fn no_numbers_make_a_check_panic(
            (a, b) in (edge(), edge()),
            proof in proptest::collection::vec(any::<[u8; 32]>().prop_map(Hash), 0..70),
        ) {
            let hash = Hash::default();
            prop_assert!(verify_inclusion(hash, a, b, &proof, hash).is_err() || b == 1);
            let _ = verify_consistency(a, hash, b, hash, &proof);
        }
    }

    fn cuts() -> impl Strategy<Value = Vec<u64>> {
        proptest::collection::vec(prop_oneof![0..5_u64, 60..70_u64, 0..300_u64], 1..12)
    }

    fn edge() -> impl Strategy<Value = u64> {
        prop_oneof![
            0..4_u64,
            any::<u64>(),
            u64::MAX - 3..=u64::MAX,
            (0..64_u32).prop_map(|bit| 1 << bit)
        ]
    }

    fn check_pieces(cuts: &[u64]) {
        let mut shelf = Shelf::default();
        let mut size = 0;
        for cut in cuts {
            shelf.extend(size, size + cut);
            size += cut;
        }
        assert_eq!(shelf.tiles, Shelf::of(size).tiles);
        let last = root(&shelf, size).unwrap();
        assert_eq!(last.0[..], oracle(size).root().as_bytes()[..]);
    }

    fn check_inclusion(size: u64) {
        let shelf = Shelf::of(size);
        let tree = oracle(size);
        let root = root(&shelf, size).unwrap();
        for index in 0..size {
            let proof = inclusion(&shelf, index, size).unwrap();
            let theirs = tree.prove_inclusion(usize::try_from(index).unwrap());
            assert_eq!(bytes(&proof), theirs.as_bytes());
            verify_inclusion(leaf_hash(&leaf(index)), index, size, &proof, root).unwrap();
            oracle_root(root, size)
                .verify_inclusion(&leaf(index), index, &InclusionProof::from_bytes(bytes(&proof)))
                .unwrap();
        }
    }

    fn check_consistency(size: u64) {
        // The tiles go on beyond the size that the proofs are about.
        let shelf = Shelf::of(size + size % 130);
        let tree = oracle(size);
        let new_root = root(&shelf, size).unwrap();
        for old in 1..=size {
            let proof = consistency(&shelf, old, size).unwrap();
            let theirs = tree.prove_consistency(usize::try_from(size - old).unwrap());
            assert_eq!(bytes(&proof), theirs.as_bytes(), "{old} of {size}");
            let old_root = root(&shelf, old).unwrap();
            verify_consistency(old, old_root, size, new_root, &proof).unwrap();
            let proof = ConsistencyProof::try_from_bytes(bytes(&proof)).unwrap();
            let new = oracle_root(new_root, size);
            new.verify_consistency(&oracle_root(old_root, old), &proof).unwrap();
        }
        let proof = consistency(&shelf, 0, size).unwrap();
        verify_consistency(0, empty_root(), size, new_root, &proof).unwrap();
        verify_consistency(0, new_root, size, new_root, &proof).unwrap_err();
    }

    fn check_flips(old: u64, new: u64, index: u64) {
        let shelf = Shelf::of(new);
        let (old_root, new_root) = (root(&shelf, old).unwrap(), root(&shelf, new).unwrap());
        let own = leaf_hash(&leaf(index));
        let proof = inclusion(&shelf, index, new).unwrap();
        for flipped in every_flip(&proof) {
            verify_inclusion(own, index, new, &flipped, new_root).unwrap_err();
        }
        for flipped in every_flip(&[own, new_root]) {
            verify_inclusion(flipped[0], index, new, &proof, flipped[1]).unwrap_err();
        }
        let proof = consistency(&shelf, old, new).unwrap();
        for flipped in every_flip(&proof) {
            verify_consistency(old, old_root, new, new_root, &flipped).unwrap_err();
        }
        for flipped in every_flip(&[old_root, new_root]) {
            verify_consistency(old, flipped[0], new, flipped[1], &proof).unwrap_err();
        }
    }

    fn check_misuse(size: u64, index: u64) {
        let shelf = Shelf::of(size);
        let root = root(&shelf, size).unwrap();
        let own = leaf_hash(&leaf(index));
        let proof = inclusion(&shelf, index, size).unwrap();
        for other in (0..=size).filter(|&other| other != index) {
            verify_inclusion(own, other, size, &proof, root).unwrap_err();
        }
        let shorter = verify_inclusion(own, index, size, &proof[1..], root);
        assert_eq!(shorter, Err(ProofError::WrongLength));
        let longer = [&proof[..], &[root]].concat();
        let longer = verify_inclusion(own, index, size, &longer, root);
        assert_eq!(longer, Err(ProofError::WrongLength));
        let missing = Shelf::default();
        assert!(matches!(inclusion(&missing, index, size), Err(TreeError::TileMissing { .. })));
        assert_eq!(inclusion(&shelf, size, size), Err(TreeError::OutOfRange));
        assert_eq!(consistency(&shelf, size + 1, size), Err(TreeError::OutOfRange));
    }

    #[test]
    fn an_append_writes_one_tile_and_a_proof_reads_few() {
        let mut shelf = Shelf::of(300_000);
        assert_eq!(shelf.extend(300_000, 300_001), 1);
        // A full tile, the next one, and the root of the full one a level up.
        assert_eq!(shelf.extend(300_001, 300_063), 3);
        let most = |read: &dyn Fn(&Shelf)| {
            shelf.read.borrow_mut().clear();
            read(&shelf);
            shelf.read.borrow().len()
        };
        // Four levels: 64⁴ is above 300 000.
        assert!(most(&|shelf| assert!(root(shelf, 299_999).is_ok())) <= 4);
        assert!(most(&|shelf| assert!(inclusion(shelf, 123_456, 300_000).is_ok())) <= 7);
        assert!(most(&|shelf| assert!(consistency(shelf, 123_456, 300_000).is_ok())) <= 7);
    }

    #[test]
    fn an_append_behind_a_missing_tile_is_refused() {
        let shelf = Shelf::default();
        let refused = append(&shelf, 3, &[Hash::default()]);
        assert_eq!(refused, Err(TreeError::TileMissing { level: 0, index: 0 }));
        assert_eq!(append(&shelf, SIZE_MAX, &[Hash::default()]), Err(TreeError::OutOfRange));
    }
}
