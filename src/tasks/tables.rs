//! Small tables of real measurements: wine, iris, breast cancer. Evaluation only.

use std::io::Write;

use ndarray::Array2;

use super::base_set::{BaseSet, RawSet, Standardise};
use super::{DataError, Entry, Nothing, read};

/// The rows of the table of tasks.
pub(super) const WINE: Entry = Entry {
    name: "wine",
    what: "178 wines of three cultivars: 13 chemical measurements, then the class",
    source: "Wine, S. Aeberhard and M. Forina, UCI, 1992, CC BY 4.0",
    settings: || serde_json::json!({}),
    write: |settings, limit, out| Shipped::Wine.write(settings, limit, out),
};
pub(super) const IRIS: Entry = Entry {
    name: "iris",
    what: "150 flowers of three species: 4 lengths in cm, then the class",
    source: "Iris, R. A. Fisher, 1936, UCI, CC BY 4.0",
    settings: || serde_json::json!({}),
    write: |settings, limit, out| Shipped::Iris.write(settings, limit, out),
};
pub(super) const BREAST_CANCER: Entry = Entry {
    name: "breast-cancer",
    what: "569 cases, malignant or benign: 30 measurements of cell nuclei, then the class",
    source: "Breast Cancer Wisconsin (Diagnostic), W. Wolberg et al., UCI, 1993, CC BY 4.0",
    settings: || serde_json::json!({}),
    write: |settings, limit, out| Shipped::BreastCancer.write(settings, limit, out),
};

/// A table that ships with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shipped {
    /// 178 wines, 13 features, 3 classes.
    Wine,
    /// 150 flowers, 4 features, 3 classes.
    Iris,
    /// 569 cases, 30 features, 2 classes.
    BreastCancer,
}

impl Shipped {
    /// All of them.
    pub const ALL: [Shipped; 3] = [Shipped::Wine, Shipped::Iris, Shipped::BreastCancer];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Shipped::Wine => "wine",
            Shipped::Iris => "iris",
            Shipped::BreastCancer => "breast-cancer",
        }
    }

    const fn bytes(self) -> &'static [u8] {
        match self {
            Shipped::Wine => include_bytes!("../../data/wine_data.csv"),
            Shipped::Iris => include_bytes!("../../data/iris.csv"),
            Shipped::BreastCancer => include_bytes!("../../data/breast_cancer.csv"),
        }
    }

    /// The table with its features standardised one by one; every row is held out.
    pub fn base_set(self) -> BaseSet {
        let table = parse(self.name(), self.bytes()).expect("the tables inside the program are read by its tests");
        table.base_set(self.name())
    }

    /// The first `limit` rows in the format of the file, its header counting them.
    fn write(self, settings: serde_json::Value, limit: usize, out: &mut dyn Write) -> Result<(), DataError> {
        let Nothing {} = read(settings)?;
        let mut reader = reader(self.bytes());
        let mut writer = csv::WriterBuilder::new().flexible(true).from_writer(out);
        for (i, record) in reader.byte_records().enumerate().take(limit.saturating_add(1)) {
            let record = record.map_err(csv_error)?;
            if i > 0 {
                writer.write_byte_record(&record).map_err(csv_error)?;
                continue;
            }
            let rows: usize = String::from_utf8_lossy(&record[0]).parse().unwrap_or(usize::MAX);
            let count = rows.min(limit).to_string();
            let rest = record.iter().skip(1);
            writer.write_record(std::iter::once(count.as_bytes()).chain(rest)).map_err(csv_error)?;
        }
        Ok(writer.flush()?)
    }
}

/// What is wrong with a table.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: expected {expected}, found {found}")]
pub struct TableError {
    /// Name of the table.
    pub file: String,
    /// Line, from 1.
    pub line: usize,
    /// What should be there.
    pub expected: String,
    /// What is there.
    pub found: String,
}

/// A table as it stands in its file.
#[derive(Clone, Debug, PartialEq)]
pub struct Table {
    /// Values, [rows, features].
    pub values: Array2<f32>,
    /// Class of each row.
    pub labels: Vec<u8>,
    /// Name of each class.
    pub class_names: Vec<String>,
}

impl Table {
    /// Its features standardised one by one, over all rows; every row is held out.
    pub fn base_set(self, name: &str) -> BaseSet {
        let held_out = (0..self.labels.len() as u32).collect();
        let raw = RawSet {
            name: name.to_owned(),
            values: self.values,
            labels: self.labels,
            class_names: self.class_names,
            parts: (Vec::new(), held_out),
            picture: None,
        };
        BaseSet::new(raw, Standardise::PerFeature)
    }
}

/// Reads a table: the first line is `rows,features,class names...`, then one row a sample with the
/// class index last. Nothing is allocated by what the first line claims.
///
/// # Errors
/// Names the line, what was expected there and what was found.
pub fn parse(file: &str, bytes: &[u8]) -> Result<Table, TableError> {
    let mut records = reader(bytes).into_byte_records();
    let wrong =
        |line: usize, expected: String, found: String| TableError { file: file.to_owned(), line, expected, found };
    // Lines as an editor counts them: blank ones are passed over but counted.
    let mut line = 1;
    let mut next = || match records.next() {
        None => Ok(None),
        Some(Ok(record)) => {
            line = record.position().map_or(line + 1, |at| at.line() as usize);
            Ok(Some((line, record)))
        }
        Some(Err(error)) => Err(wrong(line + 1, "comma-separated values".into(), error.to_string())),
    };

    let expected = "the numbers of rows and features, then 2 to 256 class names";
    let (mut last, header) = next()?.ok_or_else(|| wrong(1, expected.into(), "nothing".into()))?;
    let claim =
        |i: usize| header.get(i).and_then(|field| std::str::from_utf8(field).ok()?.trim().parse::<usize>().ok());
    let class_names: Vec<String> =
        header.iter().skip(2).map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    let (Some(rows), Some(features @ 1..), 2..=256) = (claim(0), claim(1), class_names.len()) else {
        return Err(wrong(last, expected.into(), shown(&header)));
    };

    let (mut values, mut labels) = (Vec::new(), Vec::new());
    while let Some((line, record)) = next()? {
        last = line;
        if labels.len() == rows {
            return Err(wrong(line, format!("the end, after {rows} rows"), shown(&record)));
        }
        if record.len().checked_sub(1) != Some(features) {
            return Err(wrong(line, format!("{features} values and a class"), format!("{} fields", record.len())));
        }
        for field in record.iter().take(features) {
            values.push(number(field).ok_or_else(|| wrong(line, "a finite number".into(), quoted(field)))?);
        }
        let class = record.iter().next_back().unwrap_or_default();
        let label = number(class).filter(|&c| c.fract() == 0.0 && (0.0..class_names.len() as f32).contains(&c));
        let expected = || format!("a class from 0 to {}", class_names.len() - 1);
        labels.push(label.ok_or_else(|| wrong(line, expected(), quoted(class)))? as u8);
    }
    if labels.len() < rows {
        return Err(wrong(last + 1, format!("row {} of {rows}", labels.len() + 1), "the end".into()));
    }
    let values = Array2::from_shape_vec((rows, features), values).expect("each of the rows added its features");
    Ok(Table { values, labels, class_names })
}

pub(super) fn reader(bytes: &[u8]) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(bytes)
}

pub(super) fn csv_error(error: csv::Error) -> DataError {
    DataError::Write(error.into())
}

/// A field as a finite number.
pub(super) fn number(field: &[u8]) -> Option<f32> {
    std::str::from_utf8(field).ok()?.trim().parse().ok().filter(|value: &f32| value.is_finite())
}

fn quoted(field: &[u8]) -> String {
    format!("\"{}\"", String::from_utf8_lossy(&field[..field.len().min(40)]).escape_debug())
}

fn shown(record: &csv::ByteRecord) -> String {
    quoted(&record.iter().collect::<Vec<_>>().join(&b","[..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn class_counts(set: &BaseSet) -> Vec<usize> {
        (0..set.classes()).map(|c| set.labels.iter().filter(|&&l| usize::from(l) == c).count()).collect()
    }

    #[test]
    fn the_shipped_tables_are_the_published_ones() {
        let expected: [(Shipped, (usize, usize), &[usize]); 3] = [
            (Shipped::Wine, (178, 13), &[59, 71, 48]),
            (Shipped::Iris, (150, 4), &[50, 50, 50]),
            (Shipped::BreastCancer, (569, 30), &[212, 357]),
        ];
        for (table, shape, counts) in expected {
            let set = table.base_set();
            assert_eq!((set.rows(), set.features()), shape, "{}", table.name());
            assert_eq!(class_counts(&set), counts);
            assert_eq!((set.train.len(), set.held_out.len()), (0, shape.0));
            for column in set.inputs.columns() {
                let mean = column.iter().map(|&x| f64::from(x)).sum::<f64>() / shape.0 as f64;
                let square = column.iter().map(|&x| f64::from(x).powi(2)).sum::<f64>() / shape.0 as f64;
                assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-4, "{mean} {square}");
            }
        }
        assert_eq!(Shipped::BreastCancer.base_set().class_names, ["malignant", "benign"]);
    }

    #[test]
    fn what_is_written_can_be_read_again() {
        let mut out = Vec::new();
        Shipped::Iris.write(serde_json::json!({}), 3, &mut out).unwrap();
        assert_eq!(out.split(|&b| b == b'\n').next(), Some(&b"3,4,setosa,versicolor,virginica"[..]));
        let table = parse("iris", &out).unwrap();
        assert_eq!(table.values.row(0).to_vec(), [5.1, 3.5, 1.4, 0.2]);
        out.clear();
        Shipped::Iris.write(serde_json::json!({}), usize::MAX, &mut out).unwrap();
        assert_eq!(parse("iris", &out).unwrap(), parse("iris", Shipped::Iris.bytes()).unwrap());
    }

    #[test]
    fn says_where_a_table_is_wrong() {
        let message = |text: &str| parse("t.csv", text.as_bytes()).unwrap_err().to_string();
        assert!(message("").contains("line 1: expected the numbers of rows and features"));
        assert!(message("x,2,a,b\n").contains("found \"x,2,a,b\""));
        assert_eq!(message("1,2,a,b\n1,2\n"), "t.csv, line 2: expected 2 values and a class, found 2 fields");
        assert_eq!(message("1,1,a,b\nnan,1\n"), "t.csv, line 2: expected a finite number, found \"nan\"");
        assert_eq!(message("1,1,a,b\n3,2\n"), "t.csv, line 2: expected a class from 0 to 1, found \"2\"");
        assert_eq!(message("2,1,a,b\n3,1\n"), "t.csv, line 3: expected row 2 of 2, found the end");
        assert!(message("1,1,a,b\n3,1\n4,1\n").contains("expected the end, after 1 rows"));
        // A claim far beyond the file is an error about the file, not an attempt to hold it.
        assert!(message("18446744073709551615,18446744073709551615,a,b\n1\n").contains("found 1 fields"));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse("random", &bytes);
        }

        #[test]
        fn a_damaged_table_is_refused_or_whole(cut in 0..Shipped::Iris.bytes().len(), at in 0..Shipped::Iris.bytes().len(), byte in any::<u8>()) {
            // Cut inside the last line, a shorter table may still be a table; before, a row is missing.
            let iris = Shipped::Iris.bytes();
            if cut < iris.len() - 12 {
                prop_assert!(parse("cut", &iris[..cut]).is_err());
            }
            let mut bytes = iris.to_vec();
            bytes[at] = byte;
            if let Ok(table) = parse("flipped", &bytes) {
                prop_assert_eq!(table.values.nrows(), table.labels.len());
                prop_assert!(table.values.iter().all(|x| x.is_finite()));
            }
        }
    }
}
