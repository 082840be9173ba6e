//! Parts, looked for: each filter and all of them together give what a look at each part gives.

use fastrand::Rng;
use igd_serve::record::{Mark, Record, Verdict};
use igd_serve::store::{Counts, Part, Query, Store};
use jiff::Timestamp;

use super::{add, marked, open, pictures, record, second};

/// More than are sorted where they are few.
const PARTS: usize = 25_000;
const SECONDS: i64 = 40 * 3600;

/// Parts of two cameras, three recipes and all verdicts, not quite in the order of their times, some marked, some with
/// pictures; the last stored first.
fn fill(store: &Store) -> Vec<Part> {
    let mut random = Rng::with_seed(3);
    let mut parts = Vec::new();
    let mut one = |number: usize| {
        let verdict = match random.u32(..100) {
            0 => Verdict::None,
            1..=5 => Verdict::Bad,
            _ => Verdict::Good,
        };
        let time = number as i64 * SECONDS / PARTS as i64 - random.i64(0..900);
        let mut record = record(time, verdict);
        record.camera = ["left", "right"][random.usize(..2)].into();
        record.recipe = ["cell", "bolt", "nut"][number * 3 / PARTS].into();
        if verdict != Verdict::None {
            // Of a few values, so that many are as near as others.
            record.normalized = Some((random.u32(..=100) as f32 / 50.0 - 0.5).clamp(0.0, 1.0));
        }
        record
    };
    for batch in (0..PARTS).collect::<Vec<_>>().chunks(1000) {
        let given = batch.iter().map(|&number| {
            let pictures = number.is_multiple_of(500).then(|| pictures(4));
            (one(number), pictures)
        });
        parts.extend(store.add(given.collect()).unwrap());
    }
    for number in (7..PARTS).step_by(1000) {
        let mark = marked([Mark::Good, Mark::Bad][number % 2]);
        assert!(
            store
                .mark(parts[number].record.id, Some(mark.clone()))
                .unwrap()
        );
        parts[number].mark = Some(mark);
    }
    parts.reverse();
    parts
}

/// What a look at each part finds, in the order that is asked for.
fn expected<'a>(parts: &'a [Part], query: &Query) -> Vec<&'a Part> {
    let fits = |part: &&Part| {
        let record = &part.record;
        query
            .camera
            .as_ref()
            .is_none_or(|camera| *camera == record.camera)
            && query
                .recipe
                .as_ref()
                .is_none_or(|recipe| *recipe == record.recipe)
            && query
                .verdict
                .is_none_or(|verdict| verdict == record.verdict)
            && query
                .marked
                .is_none_or(|marked| marked == part.mark.is_some())
            && query
                .pictures
                .is_none_or(|pictures| pictures == part.pictures)
            && query.from.is_none_or(|from| record.time >= from)
            && query.to.is_none_or(|to| record.time < to)
            && !(query.nearest && record.normalized.is_none())
    };
    let mut found: Vec<_> = parts.iter().filter(fits).collect();
    if query.nearest {
        let distance = |part: &Part| (f64::from(part.record.normalized.unwrap()) - 0.5).abs();
        found.sort_by(|one, other| {
            distance(one)
                .total_cmp(&distance(other))
                .then(one.seq.cmp(&other.seq))
        });
    }
    found
}

/// None half of the time, else one of these.
fn one<T: Copy>(random: &mut Rng, values: &[Option<T>]) -> Option<T> {
    let value = *random.choice(values)?;
    value.filter(|_| random.bool())
}

#[test]
fn filters_find_what_a_look_at_each_part_finds_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let parts = fill(&store);
    let mut random = Rng::with_seed(4);
    let mut found = 0;
    let mut check = |query: &Query| {
        let expected = expected(&parts, query);
        let mut query = query.clone();
        // Some pages, not all of them.
        for page in expected
            .chunks(query.limit.unwrap() as usize)
            .chain([&[][..]])
            .take(4)
        {
            let given = store.parts(&query).unwrap();
            assert!(given.iter().eq(page.iter().copied()), "{query:?}");
            found += given.len();
            query.before = page.last().map(|part| part.seq);
        }
    };
    let choose = &mut Rng::with_seed(6);
    for _ in 0..1500 {
        check(&Query {
            camera: one(choose, &[Some("left"), Some("nowhere")]).map(Into::into),
            recipe: one(choose, &[Some("cell"), Some("bolt"), Some("nut")]).map(Into::into),
            verdict: one(
                choose,
                &[Verdict::Good, Verdict::Bad, Verdict::None].map(Some),
            ),
            marked: one(choose, &[Some(true), Some(false)]),
            pictures: one(choose, &[Some(true), Some(false)]),
            from: one(choose, &[Some(second(random.i64(0..SECONDS)))]),
            to: one(choose, &[Some(second(random.i64(0..SECONDS)))]),
            nearest: choose.bool(),
            limit: Some(random.u32(1..=60)),
            before: None,
        });
    }
    assert!(found > 10_000, "{found}");
}

#[test]
fn pages_have_50_parts_unless_told_and_never_more_than_500() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let parts = (0..600).map(|second| (record(second, Verdict::Good), None));
    store.add(parts.collect()).unwrap();
    let page = |limit| {
        let query = Query {
            limit,
            ..Query::default()
        };
        store.parts(&query).unwrap().len()
    };
    assert_eq!(
        [None, Some(7), Some(500), Some(u32::MAX)].map(page),
        [50, 7, 500, 500]
    );
    assert_eq!(page(Some(0)), 0);
}

#[test]
fn after_one_that_has_gone_there_is_none_nearer() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    add(&store, record(1, Verdict::Good), None);
    let query = Query {
        nearest: true,
        before: Some(77),
        ..Query::default()
    };
    assert_eq!(store.parts(&query).unwrap(), []);
}

#[test]
fn verdicts_are_counted_from_any_moment_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let parts = fill(&store);
    let mut random = Rng::with_seed(5);
    let moments = (0..200).map(|_| second(random.i64(-2000..SECONDS + 2000)));
    let moments = moments.chain([Timestamp::MIN, Timestamp::MAX, parts[77].record.time]);
    for since in moments {
        for camera in [None, Some("left"), Some("nowhere")] {
            let count = |verdict| {
                let fits = |part: &&Part| {
                    let Record {
                        time, verdict: its, ..
                    } = part.record;
                    time >= since
                        && its == verdict
                        && camera.is_none_or(|camera| camera == part.record.camera)
                };
                parts.iter().filter(fits).count() as u64
            };
            let expected = Counts {
                good: count(Verdict::Good),
                bad: count(Verdict::Bad),
                none: count(Verdict::None),
            };
            assert_eq!(
                store.counts(since, camera).unwrap(),
                expected,
                "{since} {camera:?}"
            );
        }
    }
}
