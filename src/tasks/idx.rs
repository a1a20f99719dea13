//! IDX files (the format of MNIST), plain or gzip: images and their labels that a user brings.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use ndarray::Array2;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::base_set::{BaseSet, Picture, RawSet, Standardise, fixed_split};

/// The most bytes that one file may unpack to: 1 GiB, twenty times MNIST.
const MOST_BYTES: u64 = 1 << 30;
/// The magic numbers: unsigned bytes in three dimensions, and in one.
const IMAGES: u32 = 0x0803;
const LABELS: u32 = 0x0801;

/// A labelled set of images in two IDX files, plain or gzip, as a preset names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// Name in panels, metrics and messages.
    #[serde(default = "images")]
    pub name: String,
    /// File of the images.
    pub images: PathBuf,
    /// File of the labels.
    pub labels: PathBuf,
    /// Average blocks of 2x2 pixels: 28x28 becomes 14x14.
    #[serde(default)]
    pub pool: bool,
    /// Use only the first so many images; all when absent.
    #[serde(default)]
    pub limit: Option<usize>,
    /// Images of the training part, by the fixed shuffle of seed 0; the others are held out. 0 for a set that is
    /// only evaluated on, and for systems that draw splits of their own.
    #[serde(default)]
    pub train: usize,
}

fn images() -> String {
    "images".into()
}

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub enum IdxError {
    /// It cannot be read or unpacked.
    #[error("{file} cannot be read: {source}")]
    Read {
        /// File.
        file: String,
        /// Why.
        source: io::Error,
    },
    /// It is not the kind of file that was asked for.
    #[error("{file}: expected the magic number {expected:#010x} of IDX {what}, found {found:#010x}")]
    Magic {
        /// File.
        file: String,
        /// `images` or `labels`.
        what: &'static str,
        /// Magic number of that kind.
        expected: u32,
        /// What the file begins with.
        found: u32,
    },
    /// Its header asks for what cannot be.
    #[error("{file}: the header says {claim}; expected {expected}")]
    Size {
        /// File.
        file: String,
        /// What the header claims.
        claim: String,
        /// What is possible.
        expected: String,
    },
    /// Its length is not what its header says.
    #[error("{file}: expected {expected} bytes as its header says, found {found}")]
    Length {
        /// File.
        file: String,
        /// Bytes that belong there (unpacked).
        expected: u64,
        /// What is there: a number, or that there are more.
        found: String,
    },
    /// Images and labels do not belong together.
    #[error("{images_file} holds {images} images but {labels_file} holds {labels} labels; expected as many")]
    Counts {
        /// File of images.
        images_file: String,
        /// Images in it.
        images: usize,
        /// File of labels.
        labels_file: String,
        /// Labels in it.
        labels: usize,
    },
    /// The files are sound but cannot be used as asked.
    #[error("{file}: expected {expected}, found {found}")]
    Use {
        /// File.
        file: String,
        /// What was needed.
        expected: String,
        /// What is there.
        found: String,
    },
}

/// Reads a file of images and its file of labels.
///
/// # Errors
/// Names the file and what was expected of it. Memory grows with what the files hold, never with
/// what their headers claim.
pub fn read(files: &Files, standardise: Standardise) -> Result<BaseSet, IdxError> {
    let Files { name, images, labels, pool, limit, train } = files;
    let images_file = images.display().to_string();
    let labels_file = labels.display().to_string();
    let ([count, height, width], mut pixels) = decode(&images_file, open(images)?, Kind::IMAGES)?;
    let ([label_count], mut labels) = decode(&labels_file, open(labels)?, Kind::LABELS)?;
    if count != label_count {
        return Err(IdxError::Counts { images_file, images: count, labels_file, labels: label_count });
    }
    let used = limit.unwrap_or(count).min(count);
    pixels.truncate(used * height * width);
    labels.truncate(used);

    let wrong = |file: &str, expected: String, found: String| IdxError::Use { file: file.to_owned(), expected, found };
    let classes = labels.iter().max().map_or(0, |&most| usize::from(most) + 1);
    if classes < 2 {
        return Err(wrong(&labels_file, "at least 2 classes".into(), format!("{classes} in {used} labels")));
    }
    if *train >= used {
        let expected = format!("more than the {train} images of the training part");
        return Err(wrong(&images_file, expected, format!("{used} images")));
    }
    let (values, side) = if *pool {
        if height % 2 != 0 || width % 2 != 0 {
            return Err(wrong(&images_file, "even sides, to average 2x2 pixels".into(), format!("{width}x{height}")));
        }
        (pooled(&pixels, height, width), (height / 2, width / 2))
    } else {
        (pixels.iter().map(|&p| f32::from(p)).collect(), (height, width))
    };
    let values = Array2::from_shape_vec((used, side.0 * side.1), values).expect("decode checked the number of pixels");
    let raw = RawSet {
        name: name.clone(),
        values,
        labels,
        class_names: (0..classes).map(|class| class.to_string()).collect(),
        parts: fixed_split(used, *train),
        picture: Some(Picture { width: side.1, height: side.0, full: 255.0 }),
    };
    Ok(BaseSet::new(raw, standardise))
}

/// What a file must hold.
#[derive(Clone, Copy)]
struct Kind<const D: usize> {
    what: &'static str,
    magic: u32,
}

impl Kind<3> {
    const IMAGES: Self = Kind { what: "images", magic: IMAGES };
}

impl Kind<1> {
    const LABELS: Self = Kind { what: "labels", magic: LABELS };
}

/// Opens a regular file; gzip is known by its first two bytes.
fn open(path: &Path) -> Result<Box<dyn Read>, IdxError> {
    let failed = |source| IdxError::Read { file: path.display().to_string(), source };
    // Asked before opening: opening a pipe would wait for a writer.
    if !std::fs::metadata(path).map_err(failed)?.is_file() {
        return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")));
    }
    let file = BufReader::new(File::open(path).map_err(failed)?);
    unpacked(file).map_err(failed)
}

fn unpacked(mut bytes: impl io::BufRead + 'static) -> io::Result<Box<dyn Read>> {
    let gzip = bytes.fill_buf()?.starts_with(&[0x1f, 0x8b]);
    Ok(if gzip { Box::new(flate2::bufread::MultiGzDecoder::new(bytes)) } else { Box::new(bytes) })
}

/// Header and bytes of a file: its sizes, all above zero, and exactly their product of bytes.
fn decode<const D: usize>(file: &str, mut bytes: impl Read, kind: Kind<D>) -> Result<([usize; D], Vec<u8>), IdxError> {
    let header = 4 * (1 + D as u64);
    let mut found = Vec::new();
    let failed = |source| IdxError::Read { file: file.to_owned(), source };
    bytes.by_ref().take(header).read_to_end(&mut found).map_err(failed)?;
    let field = |i: usize| found.get(4 * i..4 * i + 4).map(|b| u32::from_be_bytes([b[0], b[1], b[2], b[3]]));
    if let Some(magic) = field(0).filter(|&magic| magic != kind.magic) {
        return Err(IdxError::Magic { file: file.to_owned(), what: kind.what, expected: kind.magic, found: magic });
    }
    if (found.len() as u64) < header {
        let found = found.len().to_string();
        return Err(IdxError::Length { file: file.to_owned(), expected: header, found });
    }
    let mut sizes = [0; D];
    for (i, size) in sizes.iter_mut().enumerate() {
        *size = field(i + 1).map_or(0, |value| value as usize);
    }
    let claimed = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size as u64));
    let Some(claimed) = claimed.filter(|product| (1..=MOST_BYTES).contains(product)) else {
        let claim = sizes.map(|size| size.to_string()).join(" x ") + " bytes";
        return Err(IdxError::Size {
            file: file.to_owned(),
            claim,
            expected: format!("1 to {MOST_BYTES} bytes in all"),
        });
    };

    // One byte more than claimed tells a longer file; the buffer grows only with what is there.
    let mut data = Vec::new();
    bytes.take(claimed + 1).read_to_end(&mut data).map_err(failed)?;
    let length = data.len() as u64;
    if length != claimed {
        let found = if length > claimed { "more".to_owned() } else { (header + length).to_string() };
        return Err(IdxError::Length { file: file.to_owned(), expected: header + claimed, found });
    }
    Ok((sizes, data))
}

/// Means of blocks of 2x2 pixels; both sides are even.
fn pooled(pixels: &[u8], height: usize, width: usize) -> Vec<f32> {
    let mut out = Vec::with_capacity(pixels.len() / 4);
    for image in pixels.chunks_exact(height * width) {
        for lines in image.chunks_exact(2 * width) {
            let (upper, lower) = lines.split_at(width);
            for (a, b) in upper.chunks_exact(2).zip(lower.chunks_exact(2)) {
                let sum: u16 = a.iter().chain(b).map(|&p| u16::from(p)).sum();
                out.push(f32::from(sum) / 4.0);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::{Compression, write::GzEncoder};
    use proptest::prelude::*;
    use std::io::{Cursor, Write};

    fn file(magic: u32, sizes: &[u32], data: &[u8]) -> Vec<u8> {
        let header = std::iter::once(magic).chain(sizes.iter().copied()).flat_map(u32::to_be_bytes);
        header.chain(data.iter().copied()).collect()
    }

    fn images(count: u32, side: u32) -> Vec<u8> {
        let data: Vec<u8> = (0..count * side * side).map(|i| (i * 7 % 251) as u8).collect();
        file(IMAGES, &[count, side, side], &data)
    }

    fn labels(count: u32) -> Vec<u8> {
        file(LABELS, &[count], &(0..count).map(|i| (i % 3) as u8).collect::<Vec<_>>())
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn files(images: &Path, labels: &Path) -> Files {
        let (images, labels) = (images.to_owned(), labels.to_owned());
        Files { name: "own".into(), images, labels, pool: false, limit: None, train: 0 }
    }

    fn read_as(images: &[u8], labels: &[u8], set: impl Fn(&mut Files)) -> Result<BaseSet, IdxError> {
        let folder = tempfile::tempdir().unwrap();
        let mut files = files(&folder.path().join("images"), &folder.path().join("labels"));
        std::fs::write(&files.images, images).unwrap();
        std::fs::write(&files.labels, labels).unwrap();
        set(&mut files);
        read(&files, Standardise::default())
    }

    fn read_bytes(images: &[u8], labels: &[u8]) -> Result<BaseSet, IdxError> {
        read_as(images, labels, |_| ())
    }

    #[test]
    fn reads_plain_and_gzip_alike() {
        let set = |files: &mut Files| files.train = 7;
        let plain = read_as(&images(10, 4), &labels(10), set).unwrap();
        let packed = read_as(&gzip(&images(10, 4)), &gzip(&labels(10)), set).unwrap();
        assert_eq!(plain.inputs, packed.inputs);
        assert_eq!((plain.rows(), plain.features(), plain.classes()), (10, 16, 3));
        assert_eq!((plain.train.len(), plain.held_out.len()), (7, 3));
        assert_eq!(plain.labels, [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        assert!(plain.raw(0).iter().enumerate().all(|(i, &p)| (p - (7 * i) as f32).abs() < 1e-3));
    }

    #[test]
    fn averages_blocks_of_four() {
        let image = file(IMAGES, &[2, 2, 4], &[0, 4, 255, 255, 8, 12, 255, 254, 1, 1, 2, 2, 1, 1, 2, 2]);
        let pool = |files: &mut Files| files.pool = true;
        let set = read_as(&image, &labels(2), pool).unwrap();
        assert_eq!(set.picture.map(|p| (p.width, p.height)), Some((2, 1)));
        assert!((set.raw(0)[0] - 6.0).abs() < 1e-3 && (set.raw(0)[1] - 254.75).abs() < 1e-3);
        let error = read_as(&images(3, 3), &labels(3), pool).unwrap_err().to_string();
        assert!(error.contains("expected even sides") && error.ends_with("found 3x3"), "{error}");
    }

    #[test]
    fn limit_and_split_are_kept() {
        let split = |files: &mut Files| (files.limit, files.train) = (Some(6), 4);
        let set = read_as(&images(10, 2), &labels(10), split).unwrap();
        assert_eq!((set.rows(), set.train.len(), set.held_out.len()), (6, 4, 2));
        let error = read_as(&images(4, 2), &labels(4), split).unwrap_err().to_string();
        assert!(error.ends_with("expected more than the 4 images of the training part, found 4 images"), "{error}");
    }

    #[test]
    fn says_what_is_wrong() {
        let message = |images: &[u8], labels: &[u8]| read_bytes(images, labels).unwrap_err().to_string();
        let (good, good_labels) = (images(4, 4), labels(4));
        let error = message(&good_labels, &good_labels);
        assert!(error.ends_with("expected the magic number 0x00000803 of IDX images, found 0x00000801"), "{error}");
        assert!(message(&good[..70], &good_labels).ends_with("expected 80 bytes as its header says, found 70"));
        assert!(message(&good[..9], &good_labels).ends_with("expected 16 bytes as its header says, found 9"));
        assert!(message(&[&good[..], &[0]].concat(), &good_labels).ends_with("found more"));
        assert!(message(&good, &labels(3)).contains("holds 4 images but"));
        assert!(message(b"", b"").ends_with("expected 16 bytes as its header says, found 0"));
        let zero = file(LABELS, &[4], &[0; 4]);
        assert!(message(&good, &zero).ends_with("expected at least 2 classes, found 1 in 4 labels"));
        assert!(message(&gzip(&good)[..30], &good_labels).contains("cannot be read"));
        let missing = read(&files(Path::new("/no/images"), Path::new("/no/labels")), Standardise::default());
        assert!(missing.unwrap_err().to_string().starts_with("/no/images cannot be read"));
    }

    #[test]
    fn a_header_cannot_ask_for_memory() {
        for sizes in [[u32::MAX; 3], [0, 28, 28], [1 << 20, 1 << 10, 2]] {
            let error = decode("huge", Cursor::new(file(IMAGES, &sizes, &[1])), Kind::IMAGES).unwrap_err();
            assert!(matches!(error, IdxError::Size { .. }), "{error}");
        }
        // Within the cap, but not in the file: what was read stays as small as the file.
        let claim = file(IMAGES, &[1 << 20, 32, 32], &[1; 5]);
        let error = decode("short", Cursor::new(claim), Kind::IMAGES).unwrap_err().to_string();
        assert_eq!(error, "short: expected 1073741840 bytes as its header says, found 21");
        // A small archive of many zeros is stopped one byte after what its header claims.
        let bomb = gzip(&[file(LABELS, &[10], &[0; 10]), vec![0; 1 << 22]].concat());
        let error = decode("bomb", unpacked(Cursor::new(bomb)).unwrap(), Kind::LABELS).unwrap_err();
        assert!(error.to_string().ends_with("found more"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_it_panic(
            tail in prop::collection::vec(any::<u8>(), 0..120),
            magic in prop::sample::select(vec![&b""[..], &b"\0\0\x08\x03"[..], &b"\x1f\x8b\x08\0"[..]]),
        ) {
            let bytes = [magic, &tail[..]].concat();
            let length = bytes.len();
            if let Ok((sizes, data)) = decode("random", unpacked(Cursor::new(bytes)).unwrap(), Kind::IMAGES) {
                prop_assert_eq!(sizes.iter().product::<usize>(), data.len());
                // The buffer of `read_to_end` starts at 32 bytes and doubles.
                prop_assert!(data.capacity() <= 2 * length + 64);
            }
        }

        #[test]
        fn every_truncation_is_refused(cut in 0usize..176, packed in any::<bool>()) {
            let whole = images(10, 4);
            let bytes = if packed { gzip(&whole[..cut]) } else { whole[..cut].to_vec() };
            prop_assert!(decode("cut", unpacked(Cursor::new(bytes)).unwrap(), Kind::IMAGES).is_err());
        }
    }
}
