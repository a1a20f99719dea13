//! CIFAR-10 files in their binary form (Krizhevsky 2009): a user's own; a record is a class and 32x32
//! pixels of three channels, one channel after the other.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Pixels on each side.
pub const SIDE: usize = 32;
/// Channels: red, green, blue.
pub const CHANNELS: usize = 3;
/// Classes.
pub const CLASSES: usize = 10;
/// Numbers of an image.
pub const WIDTH: usize = SIDE * SIDE * CHANNELS;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum CifarError {
    /// It cannot be read.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// File.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It holds no whole records, or fewer than are needed.
    #[error("{file}: expected at least {expected} records of {} bytes, found {found} bytes", WIDTH + 1)]
    Length {
        /// File.
        file: String,
        /// Records that were needed.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// A record's class is none of ten.
    #[error("{file}: record {record} has the class {found}; expected 0 to 9")]
    Class {
        /// File.
        file: String,
        /// Record, from 0.
        record: usize,
        /// Its class.
        found: u8,
    },
}

/// Images with their classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Pictures {
    /// Pixels in 0 to 1, `[count, 32, 32, 3]`.
    pub pixels: Vec<f32>,
    /// Class of each.
    pub classes: Vec<u8>,
}

/// Reads `count` records from record `first` on.
///
/// # Errors
/// Names the file and what was expected of it.
pub fn read(file: &Path, first: usize, count: usize) -> Result<Pictures, CifarError> {
    let name = file.display().to_string();
    let failed = |source| CifarError::Read { file: name.clone(), source };
    let mut bytes = Vec::new();
    // Never more than is needed, whatever the file holds.
    let most = ((first + count) * (WIDTH + 1)) as u64;
    BufReader::new(File::open(file).map_err(failed)?).take(most).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 != most {
        return Err(CifarError::Length { file: name, expected: first + count, found: bytes.len() });
    }
    decode(&name, &bytes, first)
}

fn decode(name: &str, bytes: &[u8], first: usize) -> Result<Pictures, CifarError> {
    let (mut pixels, mut classes) = (Vec::new(), Vec::new());
    for (record, bytes) in bytes.chunks_exact(WIDTH + 1).enumerate().skip(first) {
        let (class, planes) = (bytes[0], &bytes[1..]);
        if usize::from(class) >= CLASSES {
            return Err(CifarError::Class { file: name.to_owned(), record, found: class });
        }
        classes.push(class);
        let plane = SIDE * SIDE;
        let at = |place: usize| (0..CHANNELS).map(move |c| f32::from(planes[c * plane + place]) / 255.0);
        pixels.extend((0..plane).flat_map(at));
    }
    Ok(Pictures { pixels, classes })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(class: u8, red: u8) -> Vec<u8> {
        let mut bytes = vec![class];
        bytes.extend(std::iter::repeat_n(red, SIDE * SIDE));
        bytes.extend(std::iter::repeat_n(51, SIDE * SIDE));
        bytes.extend((0..SIDE * SIDE).map(|i| (i % 256) as u8));
        bytes
    }

    #[test]
    fn channels_become_the_last_axis() {
        let found = decode("x", &[record(3, 255), record(9, 0)].concat(), 1).unwrap();
        assert_eq!((found.classes.as_slice(), found.pixels.len()), ([9].as_slice(), WIDTH));
        assert_eq!(found.pixels[3 * 7..3 * 8], [0.0, 0.2, 7.0 / 255.0]);
    }

    #[test]
    fn broken_files_are_refused() {
        assert!(matches!(decode("x", &record(10, 0), 0), Err(CifarError::Class { record: 0, found: 10, .. })));
        let missing = std::env::temp_dir().join("no-such-cifar-file.bin");
        assert!(matches!(read(&missing, 0, 1), Err(CifarError::Read { .. })));
        let short = std::env::temp_dir().join(format!("short-cifar-{}.bin", std::process::id()));
        std::fs::write(&short, &record(1, 5)[..100]).unwrap();
        let found = read(&short, 0, 1);
        std::fs::write(&short, record(1, 5)).unwrap();
        let whole = read(&short, 0, 1);
        std::fs::remove_file(&short).unwrap();
        assert!(matches!(found, Err(CifarError::Length { expected: 1, found: 100, .. })));
        assert_eq!(whole.unwrap().classes, [1]);
    }
}
