//! Where something is: points and outlines with the reference system they are in.

use serde::{Deserialize, Serialize};

/// A reference system of coordinates. The numbers are stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Crs(pub u32);

/// A point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Point {
    /// The system.
    pub crs: Crs,
    /// 1e-7 degrees of longitude.
    pub x: i64,
    /// 1e-7 degrees of latitude.
    pub y: i64,
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.x, self.y)
    }
}

/// A closed outline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Boundary {
    /// The system.
    pub crs: Crs,
    /// Longitude and latitude of each vertex.
    pub vertices: Vec<(i64, i64)>,
}

impl std::fmt::Display for Boundary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} vertices", self.vertices.len())
    }
}
