//! Parts, images and what is refused.

use super::*;
use crate::tasks::base_set::Standardise;
use crate::tasks::digits;

fn task(config: Config) -> ScatteredDigits {
    ScatteredDigits::new(config, Arc::new(digits::base_set(Standardise::MeanImage)), Key::new(3)).unwrap()
}

fn pictures(task: &ScatteredDigits, count: u64) -> Vec<(Drawn, Vec<f32>)> {
    let mut image = vec![0.0; task.pixels()];
    (0..count).map(|i| (task.image(Part::Train, i, &mut image), image.clone())).collect()
}

#[test]
fn parts_share_no_base_picture_and_hold_every_class_in_its_share() {
    let task = task(Config::default());
    let parts = [Part::Train, Part::Validation, Part::Test].map(|part| task.rows(part));
    assert_eq!(parts.map(<[u32]>::len), [1167, 130, 500]);
    let mut all = parts.concat();
    all.sort_unstable();
    assert_eq!(all, (0..1797).collect::<Vec<_>>());
    for (part, all) in parts.iter().zip([1167.0, 130.0, 500.0]) {
        for class in 0..10 {
            let count = part.iter().filter(|&&row| task.base().labels[row as usize] == class).count() as f64;
            assert!((count / all - 0.1).abs() < 0.012, "{count} of {all}");
        }
    }
    let again = ScatteredDigits::new(Config::default(), task.base.clone(), Key::new(4)).unwrap();
    assert_ne!(again.rows(Part::Test), task.rows(Part::Test));
}

#[test]
fn offsets_are_as_many_as_fit_and_all_are_met() {
    for (canvas, count) in [(12, 25), (16, 81)] {
        let task = task(Config { canvas, ..Config::default() });
        assert_eq!(task.offsets().iter().product::<usize>(), count);
        let mut met: Vec<[usize; 2]> = (0..3000).map(|i| task.shown(Part::Train, i).offset).collect();
        met.sort_unstable();
        met.dedup();
        assert_eq!(met.len(), count);
    }
    let still = task(Config { scatter: false, ..Config::default() });
    assert!((0..50).all(|i| still.shown(Part::Test, i).offset == [2, 2]));
}

#[test]
fn a_canvas_without_noise_and_fragments_holds_the_ink_of_its_picture() {
    let task = task(Config { noise: 0.0, fragments: 0, ..Config::default() });
    for index in 0..20 {
        let drawn = task.shown(Part::Test, index);
        let ink: f32 = task.base().raw(drawn.row as usize).iter().sum::<f32>() / 16.0;
        assert!((task.canvas(Part::Test, index).iter().sum::<f32>() - ink).abs() < 1e-3);
        assert_eq!(drawn.class, usize::from(task.base().labels[drawn.row as usize]));
    }
}

#[test]
fn fragments_only_add_ink_and_no_more_than_their_nine_pixels() {
    let with = task(Config { noise: 0.0, ..Config::default() });
    let without = task(Config { noise: 0.0, fragments: 0, ..Config::default() });
    let mut more = 0;
    for index in 0..200 {
        assert_eq!(with.shown(Part::Test, index), without.shown(Part::Test, index));
        let (a, b) = (with.canvas(Part::Test, index), without.canvas(Part::Test, index));
        assert!(a.iter().zip(&b).all(|(a, b)| a >= b));
        let changed = a.iter().zip(&b).filter(|(a, b)| a > b).count();
        assert!(changed <= 18);
        more += changed;
    }
    assert!(more > 400, "{more}");
}

#[test]
fn a_permuted_image_is_the_same_image_in_another_order() {
    let plain = task(Config::default());
    let permuted = plain.clone().permuted();
    let order = permuted.permutation().unwrap().to_vec();
    assert!(order.iter().enumerate().filter(|(i, to)| *i == **to as usize).count() < 10);
    for ((drawn, a), (other, b)) in pictures(&plain, 5).iter().zip(pictures(&permuted, 5)) {
        assert_eq!(*drawn, other);
        assert!(a.iter().zip(&order).all(|(x, to)| b[*to as usize] == *x));
    }
}

#[test]
fn pixels_are_standardised_and_images_are_functions_of_their_number() {
    let task = task(Config::default());
    let all: Vec<f32> = pictures(&task, 1000).into_iter().flat_map(|(_, image)| image).collect();
    let mean = all.iter().sum::<f32>() / all.len() as f32;
    let square = all.iter().map(|x| x * x).sum::<f32>() / all.len() as f32;
    assert!(mean.abs() < 1e-3 && (square - 1.0).abs() < 1e-3, "{mean} {square}");
    assert_eq!(pictures(&task, 3)[2], pictures(&task, 7)[2]);
    let mut image = vec![0.0; 144];
    assert_ne!(task.image(Part::Validation, 2, &mut image), pictures(&task, 3)[2].0);
}

#[test]
fn classes_are_numbered_anew_and_turned() {
    let config = Config { classes: vec![7, 2], turned: true, noise: 0.0, fragments: 0, ..Config::default() };
    let task = task(config);
    assert_eq!(task.classes(), 8);
    let mut met = [false; 8];
    for index in 0..300 {
        let drawn = task.shown(Part::Train, index);
        let label = task.base().labels[drawn.row as usize];
        assert_eq!(drawn.class % 2, usize::from(label == 2));
        let canvas = task.canvas(Part::Train, index);
        let raw = task.base().raw(drawn.row as usize);
        // The first pixel of a picture that was turned once is its upper right corner.
        let first = [0, 56, 63, 7][(4 - drawn.class / 2) % 4];
        let at = canvas[drawn.offset[0] * 12 + drawn.offset[1]];
        assert!((at - raw[first] / 16.0).abs() < 1e-4);
        met[drawn.class] = true;
    }
    assert_eq!(met, [true; 8]);
}

#[test]
fn random_labels_are_even_and_batches_are_as_the_stream_says() {
    let task = task(Config::default());
    let mut counts = [0; 10];
    (0..5000).for_each(|i| counts[task.random_label(i)] += 1);
    assert!(counts.iter().all(|&c| (410..590).contains(&c)), "{counts:?}");
    let fill = || {
        let mut batch = Batch::new(4, task.pixels());
        task.fill(&mut Key::new(9).stream(), &mut batch);
        batch
    };
    assert_eq!((fill().inputs, fill().classes), (fill().inputs, fill().classes));
    assert_eq!(task.known().chance_accuracy, Some(0.1));
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let base = Arc::new(digits::base_set(Standardise::MeanImage));
    let config = Config {
        canvas: 7,
        noise: f32::NAN,
        test_bases: 1797,
        held_out: 1.0,
        classes: vec![1, 1],
        ..Config::default()
    };
    let refusals = ScatteredDigits::new(config, base, Key::new(0)).unwrap_err();
    let fields: Vec<&str> = refusals.0.iter().map(|refusal| refusal.path.as_str()).collect();
    assert_eq!(fields, ["canvas", "noise", "test_bases", "held_out", "classes"]);
}

#[test]
fn rows_are_written() {
    let mut out = Vec::new();
    (ENTRY.write)((ENTRY.settings)(), 3, &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert_eq!((text.lines().count(), text.lines().last().unwrap().split(',').count()), (4, 3 + 144));
    assert!((ENTRY.write)(serde_json::json!({ "sed": 1 }), 1, &mut Vec::new()).is_err());
}
