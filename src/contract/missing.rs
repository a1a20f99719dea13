//! JSON has no NaN: a missing value is written as `null`.

/// One number.
pub(super) mod one {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::contract) fn serialize<S: Serializer>(value: &f64, to: S) -> Result<S::Ok, S::Error> {
        value.is_finite().then_some(*value).serialize(to)
    }

    pub(in crate::contract) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<f64, D::Error> {
        Ok(Option::<f64>::deserialize(from)?.unwrap_or(f64::NAN))
    }
}

/// A list of numbers.
pub(super) mod list {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::contract) fn serialize<S: Serializer>(values: &[f64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(values.iter().map(|v| v.is_finite().then_some(*v)))
    }

    pub(in crate::contract) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<f64>, D::Error> {
        let values = Vec::<Option<f64>>::deserialize(from)?;
        Ok(values.into_iter().map(|v| v.unwrap_or(f64::NAN)).collect())
    }
}

/// A place that there may be; one that is not finite is none.
pub(super) mod place {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Place = Option<(f64, f64)>;

    pub(in crate::contract) fn serialize<S: Serializer>(place: &Place, to: S) -> Result<S::Ok, S::Error> {
        place.filter(|(x, y)| x.is_finite() && y.is_finite()).serialize(to)
    }

    pub(in crate::contract) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Place, D::Error> {
        Place::deserialize(from)
    }
}

/// A list of points.
pub(super) mod pairs {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::contract) fn serialize<S: Serializer>(points: &[(f64, f64)], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(points.iter().map(|(x, y)| (x.is_finite().then_some(*x), y.is_finite().then_some(*y))))
    }

    pub(in crate::contract) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<(f64, f64)>, D::Error> {
        let points = Vec::<(Option<f64>, Option<f64>)>::deserialize(from)?;
        Ok(points.into_iter().map(|(x, y)| (x.unwrap_or(f64::NAN), y.unwrap_or(f64::NAN))).collect())
    }
}

/// Pictures of numbers, to three significant digits: more than a picture shows, and a third of the file.
pub(super) mod rounded {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::contract) fn serialize<S: Serializer>(frames: &[Vec<f32>], to: S) -> Result<S::Ok, S::Error> {
        let short = |value: &f32| format!("{value:.2e}").parse::<f32>().ok().filter(|value| value.is_finite());
        to.collect_seq(frames.iter().map(|frame| frame.iter().map(short).collect::<Vec<_>>()))
    }

    pub(in crate::contract) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<f32>>, D::Error> {
        let frames = Vec::<Vec<Option<f32>>>::deserialize(from)?;
        let known = |frame: Vec<Option<f32>>| frame.into_iter().map(|value| value.unwrap_or(f32::NAN)).collect();
        Ok(frames.into_iter().map(known).collect())
    }
}
