//! The UCI digits: 1,797 handwritten digits of 8x8 pixels, values 0 to 16.

use std::io::{Read, Write};

use ndarray::Array2;

use super::base_set::{BaseSet, Picture, RawSet, Standardise, fixed_split};
use super::tables::{csv_error, number, reader};
use super::{DataError, Entry, Nothing, read};

const BYTES: &[u8] = include_bytes!("../../data/digits.csv.gz");
const SIDE: usize = 8;
const ROWS: usize = 1797;
/// Rows of the training part; the other 397 are held out.
pub const TRAIN: usize = 1400;

/// The digits, split by the fixed shuffle of seed 0 into [`TRAIN`] training rows and 397 held out.
///
/// [`Standardise::MeanImage`] is the bench's way: in 8x8 digits the shared mean direction is large
/// and slows learning; [`Standardise::GlobalMean`] is the way of Kirsch et al. (2022).
pub fn base_set(standardise: Standardise) -> BaseSet {
    let (values, labels) = parse(&text()).expect("the digits inside the program are read by its tests");
    let raw = RawSet {
        name: "digits".into(),
        values,
        labels,
        class_names: (0..10).map(|digit| digit.to_string()).collect(),
        parts: fixed_split(ROWS, TRAIN),
        picture: Some(Picture { width: SIDE, height: SIDE, full: 16.0 }),
    };
    BaseSet::new(raw, standardise)
}

/// The row of the table of tasks.
pub(super) const ENTRY: Entry = Entry {
    name: "digits",
    what: "1,797 handwritten digits of 8x8 pixels: 64 values 0 to 16, then the class",
    source: "Optical Recognition of Handwritten Digits (test part), E. Alpaydin and C. Kaynak, UCI, 1998, CC BY 4.0",
    settings: || serde_json::json!({}),
    write,
};

/// The first `limit` digits as published: 64 pixels, then the class; no header.
fn write(settings: serde_json::Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
    let Nothing {} = read(settings)?;
    let text = text();
    let mut writer = csv::Writer::from_writer(out);
    for record in reader(&text).byte_records().take(limit) {
        writer.write_byte_record(&record.map_err(csv_error)?).map_err(csv_error)?;
    }
    Ok(writer.flush()?)
}

fn text() -> Vec<u8> {
    let mut text = Vec::new();
    let read = flate2::read::GzDecoder::new(BYTES).read_to_end(&mut text);
    read.expect("the digits inside the program are unpacked by its tests");
    text
}

/// Pixels [1797, 64] and classes; none if the text is not the digits.
fn parse(text: &[u8]) -> Option<(Array2<f32>, Vec<u8>)> {
    let (mut values, mut labels) = (Vec::with_capacity(ROWS * SIDE * SIDE), Vec::with_capacity(ROWS));
    for record in reader(text).byte_records() {
        let row: Vec<f32> = record.ok()?.iter().map(number).collect::<Option<_>>()?;
        let (label, pixels) = row.split_last()?;
        values.extend_from_slice(pixels);
        labels.push(*label as u8);
    }
    let values = Array2::from_shape_vec((ROWS, SIDE * SIDE), values).ok()?;
    (labels.len() == ROWS && labels.iter().all(|&l| l < 10)).then_some((values, labels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn are_the_published_digits() {
        let (values, labels) = parse(&text()).unwrap();
        let mut counts = [0; 10];
        labels.iter().for_each(|&l| counts[usize::from(l)] += 1);
        assert_eq!(counts, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
        let sum: f64 = values.iter().map(|&x| f64::from(x)).sum();
        assert_eq!(sum, 561_718.0);
        assert!((sum / values.len() as f64 - 4.884_165).abs() < 5e-7);
        assert!(values.iter().all(|x| (0.0..=16.0).contains(x) && x.fract() == 0.0));
    }

    #[test]
    fn the_training_part_is_centred_and_of_unit_deviation() {
        for standardise in [Standardise::MeanImage, Standardise::GlobalMean] {
            let set = base_set(standardise);
            assert_eq!((set.train.len(), set.held_out.len()), (1400, 397));
            let (mut sum, mut square, mut pixel_means) = (0.0, 0.0, vec![0.0; 64]);
            for &row in &set.train {
                for (f, &x) in set.inputs.row(row as usize).iter().enumerate() {
                    let x = f64::from(x);
                    sum += x;
                    square += x * x;
                    pixel_means[f] += x / 1400.0;
                }
            }
            assert!((sum / 89_600.0).abs() < 1e-5 && (square / 89_600.0 - 1.0).abs() < 1e-5, "{sum} {square}");
            let largest = pixel_means.iter().fold(0.0f64, |a, m| a.max(m.abs()));
            assert_eq!(largest < 1e-4, standardise == Standardise::MeanImage, "{largest}");
        }
    }

    #[test]
    fn a_picture_comes_back() {
        let set = base_set(Standardise::MeanImage);
        let picture = set.picture.unwrap();
        assert_eq!((picture.width * picture.height, picture.full), (set.features(), 16.0));
        let first: Vec<f32> = set.raw(0).iter().map(|x| x.round()).collect();
        assert_eq!(first[..8], [0.0, 0.0, 5.0, 13.0, 9.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn are_written_as_published() {
        let mut out = Vec::new();
        write(serde_json::json!({}), 2, &mut out).unwrap();
        assert_eq!(out, text().split_inclusive(|&b| b == b'\n').take(2).collect::<Vec<_>>().concat());
    }
}
