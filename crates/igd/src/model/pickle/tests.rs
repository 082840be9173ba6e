//! The fixtures in `tests/fixtures/pth` were made with torch 2.11, each once as `torch.save` does by default (`-zip`)
//! and once with `_use_new_zipfile_serialization=False` (`-legacy`):
//!
//! - `checkpoint`: `{'model': net.state_dict(), 'c': tensor [1, 4], 'sigma': tensor scalar}`, where `net` is
//!   `Sequential(OrderedDict(conv=Conv2d(1, 2, 2), norm=BatchNorm2d(2)))` with the weights below;
//! - `tensors`: a parameter, views of several kinds, and one tensor of each type;
//! - `plain`: everything else that is understood;
//! - `command`: an object whose `__reduce__` returns `(os.system, ('touch /tmp/gst-igd-pickle-ran',))`;
//! - `module`: `torch.save` of a whole `Net(nn.Module)`, defined in `__main__`;
//! - `protocol1`, `3` and `4`: `{'plain': plain, 'tensors': tensors}` with that `pickle_protocol`.

use std::io::{Cursor, Write};
use std::path::Path;

use super::*;

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures/pth")
        .join(format!("{name}.pth"))
}

fn fixture(name: &str) -> Value {
    read(&path(name)).unwrap()
}

fn message(name: &str) -> String {
    read(&path(name)).unwrap_err().to_string()
}

fn bytes(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn decode_bytes(bytes: &[u8]) -> Result<Value, Problem> {
    decode(Cursor::new(bytes))
}

fn tensor(kind: PthKind, shape: &[i64], elements: &[impl AsRef<[u8]>]) -> Value {
    let data = elements
        .iter()
        .flat_map(|element| element.as_ref().to_vec())
        .collect();
    Value::Tensor(PthTensor {
        kind,
        shape: shape.to_vec(),
        data,
    })
}

fn floats(shape: &[i64], elements: &[f32]) -> Value {
    let elements: Vec<[u8; 4]> = elements
        .iter()
        .map(|element| element.to_le_bytes())
        .collect();
    tensor(PthKind::F32, shape, &elements)
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn dict<const N: usize>(entries: [(&str, Value); N]) -> Value {
    Value::Dict(entries.map(|(key, value)| (key.to_owned(), value)).into())
}

fn checkpoint() -> Value {
    dict([
        (
            "model",
            dict([
                (
                    "conv.weight",
                    floats(&[2, 1, 2, 2], &[0.0, 0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75]),
                ),
                ("conv.bias", floats(&[2], &[0.5, -0.5])),
                ("norm.weight", floats(&[2], &[1.0, 1.0])),
                ("norm.bias", floats(&[2], &[0.0, 0.0])),
                ("norm.running_mean", floats(&[2], &[0.0, 0.0])),
                ("norm.running_var", floats(&[2], &[1.0, 1.0])),
                (
                    "norm.num_batches_tracked",
                    tensor(PthKind::I64, &[], &[0i64.to_le_bytes()]),
                ),
            ]),
        ),
        ("c", floats(&[1, 4], &[1.0, 2.0, 3.0, 4.0])),
        ("sigma", floats(&[], &[0.25])),
    ])
}

fn tensors() -> Value {
    dict([
        (
            "parameter",
            floats(&[2, 3], &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]),
        ),
        (
            "transposed",
            floats(&[3, 2], &[0.0, 3.0, 1.0, 4.0, 2.0, 5.0]),
        ),
        ("part", floats(&[2, 2], &[4.0, 6.0, 8.0, 10.0])),
        (
            "whole",
            floats(&[3, 4], &std::array::from_fn::<f32, 12, _>(|i| i as f32)),
        ),
        ("expanded", floats(&[2, 3], &[7.0; 6])),
        ("scalar", floats(&[], &[1.5])),
        ("empty", floats(&[0, 3], &[])),
        (
            "double",
            tensor(PthKind::F64, &[2], &[1.5f64, -2.0].map(f64::to_le_bytes)),
        ),
        (
            "half",
            tensor(
                PthKind::F16,
                &[2],
                &[0x3e00u16, 0xc000].map(u16::to_le_bytes),
            ),
        ),
        (
            "bfloat16",
            tensor(
                PthKind::BF16,
                &[2],
                &[0x3fc0u16, 0xc000].map(u16::to_le_bytes),
            ),
        ),
        (
            "long",
            tensor(
                PthKind::I64,
                &[2],
                &[1, -(1i64 << 40)].map(i64::to_le_bytes),
            ),
        ),
        (
            "int",
            tensor(PthKind::I32, &[2], &[1i32, -70000].map(i32::to_le_bytes)),
        ),
        (
            "short",
            tensor(PthKind::I16, &[2], &[1i16, -300].map(i16::to_le_bytes)),
        ),
        (
            "char",
            tensor(PthKind::I8, &[2], &[1i8, -2].map(i8::to_le_bytes)),
        ),
        ("byte", tensor(PthKind::U8, &[2], &[[1], [255]])),
        ("bool", tensor(PthKind::Bool, &[2], &[[1], [0]])),
    ])
}

fn plain() -> Value {
    let [one, two, three, four] = [1, 2, 3, 4].map(Value::Int);
    let shared = Value::List(vec![one.clone(), two.clone()]);
    let tied = floats(&[2], &[1.0, 2.0]);
    dict([
        ("none", Value::None),
        ("yes", Value::Bool(true)),
        ("no", Value::Bool(false)),
        ("small", Value::Int(7)),
        ("byte", Value::Int(200)),
        ("word", Value::Int(60000)),
        ("negative", Value::Int(-5)),
        ("big", Value::Int(1 << 40)),
        ("lowest", Value::Int(i64::MIN)),
        ("float", Value::Float(0.1)),
        ("text", text("Grüße")),
        (
            "list",
            Value::List(vec![
                one.clone(),
                Value::List(vec![Value::Float(2.5), text("x")]),
                Value::List(vec![]),
            ]),
        ),
        ("tuple", Value::Tuple(vec![one.clone()])),
        (
            "quadruple",
            Value::Tuple(vec![one.clone(), two.clone(), three.clone(), four]),
        ),
        ("empty", Value::Tuple(vec![])),
        ("shared", Value::List(vec![shared.clone(), shared])),
        ("ordered", dict([("a", one), ("b", two.clone())])),
        ("size", Value::Tuple(vec![two, three])),
        ("device", text("cuda:0")),
        ("cpu", text("cpu")),
        ("state", dict([("0", text("zero")), ("1", text("one"))])),
        ("tied", Value::List(vec![tied.clone(), tied])),
    ])
}

#[test]
fn both_containers_hold_the_same() {
    for (name, expected) in [
        ("checkpoint", checkpoint()),
        ("tensors", tensors()),
        ("plain", plain()),
    ] {
        assert_eq!(fixture(&format!("{name}-zip")), expected);
        assert_eq!(fixture(&format!("{name}-legacy")), expected);
    }
}

#[test]
fn other_pickle_protocols() {
    for protocol in [1, 3, 4] {
        let expected = dict([("plain", plain()), ("tensors", tensors())]);
        assert_eq!(fixture(&format!("protocol{protocol}-legacy")), expected);
    }
}

#[test]
fn commands_and_modules_are_named_and_not_run() {
    for (name, object) in [("command", "posix.system"), ("module", "__main__.Net")] {
        for (container, entry) in [
            ("zip", format!("{name}-zip/data.pkl")),
            ("legacy", "object".into()),
        ] {
            let name = format!("{name}-{container}");
            let expected = format!(
                "{}: {entry}: holds the Python object {object}, which only running code could restore; \
                 save the state dict instead: \
                 torch.save({{'model': net.state_dict(), 'c': net.c, 'sigma': net.sigma}}, path)",
                path(&name).display()
            );
            assert_eq!(message(&name), expected);
        }
    }
    assert!(!Path::new("/tmp/gst-igd-pickle-ran").exists());
}

#[test]
fn other_files() {
    let missing = message("missing");
    assert!(
        missing.starts_with(path("missing").to_str().unwrap()) && !missing.contains('\n'),
        "{missing}"
    );
    let folder = read(Path::new(env!("CARGO_MANIFEST_DIR")))
        .unwrap_err()
        .to_string();
    assert!(folder.ends_with(": is not a file"), "{folder}");
    for other in [&b""[..], b"PK", b"<!DOCTYPE html>\n", b"\x80\x02}q\x00."] {
        assert_eq!(
            decode_bytes(other).unwrap_err().to_string(),
            "is not a PyTorch checkpoint"
        );
    }
}

#[test]
fn files_cut_anywhere() {
    for name in [
        "tensors-zip",
        "checkpoint-zip",
        "tensors-legacy",
        "plain-legacy",
        "protocol4-legacy",
    ] {
        let whole = bytes(name);
        let expected = decode_bytes(&whole).unwrap();
        for length in 0..whole.len() {
            if let Ok(value) = decode_bytes(&whole[..length]) {
                assert_eq!(value, expected, "{name} cut to {length} bytes");
            }
        }
    }
}

#[test]
fn files_with_any_byte_changed() {
    for name in [
        "checkpoint-zip",
        "plain-zip",
        "tensors-legacy",
        "plain-legacy",
        "protocol4-legacy",
    ] {
        let whole = bytes(name);
        for at in 0..whole.len() {
            for change in [0x01, 0x20, 0x80, 0xff] {
                let mut changed = whole.clone();
                changed[at] ^= change;
                // That it comes back is all that is asked: many changes only give other numbers.
                if let Err(problem) = decode_bytes(&changed) {
                    assert!(!problem.to_string().contains('\n'));
                }
            }
        }
    }
}

/// A checkpoint with this pickle, and the bytes of the storages 0, 1 and so on.
fn archive(
    pickle: &[u8],
    storages: &[&[u8]],
    byte_order: &str,
    method: zip::CompressionMethod,
) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default().compression_method(method);
    let mut entry = |name: &str, bytes: &[u8]| {
        archive.start_file(format!("net/{name}"), options).unwrap();
        archive.write_all(bytes).unwrap();
    };
    entry("data.pkl", pickle);
    entry("byteorder", byte_order.as_bytes());
    for (key, bytes) in storages.iter().enumerate() {
        entry(&format!("data/{key}"), bytes);
    }
    archive.finish().unwrap().into_inner()
}

fn stored(pickle: &[u8], storages: &[&[u8]]) -> Result<Value, Problem> {
    decode_bytes(&archive(
        pickle,
        storages,
        "little",
        zip::CompressionMethod::Stored,
    ))
}

fn problem(pickle: &[u8]) -> String {
    stored(pickle, &[&[0; 8]]).unwrap_err().to_string()
}

fn integers(numbers: &[i64]) -> Vec<u8> {
    let mut pickle = b"(".to_vec();
    for number in numbers {
        pickle.extend(b"\x8a\x08");
        pickle.extend(number.to_le_bytes());
    }
    pickle.push(b't');
    pickle
}

/// A pickle of one tensor; its storage is `storage 0`, with `numel` elements of `kind`.
fn tensor_pickle(kind: &str, numel: i64, start: i64, shape: &[i64], strides: &[i64]) -> Vec<u8> {
    let [numel, start, shape, strides] = [&[numel], &[start], shape, strides].map(integers);
    // The tuples around single numbers are taken off again.
    let number = |tuple: Vec<u8>| tuple[1..tuple.len() - 1].to_vec();
    [
        &b"\x80\x02ctorch._utils\n_rebuild_tensor\n((U\x07storagectorch\n"[..],
        kind.as_bytes(),
        b"\nU\x010U\x03cpu",
        &number(numel),
        b"tQ",
        &number(start),
        &shape,
        &strides,
        b"tR.",
    ]
    .concat()
}

#[test]
fn tensors_of_python_2() {
    let pickle = tensor_pickle("ShortStorage", 4, 1, &[2], &[2]);
    let expected = tensor(PthKind::I16, &[2], &[[3, 4], [7, 8]]);
    assert_eq!(
        stored(&pickle, &[&[1, 2, 3, 4, 5, 6, 7, 8]]).unwrap(),
        expected
    );

    let pickle = b"\x80\x02ccollections\nOrderedDict\n](](U\x01aK\x01e](U\x01bK\x02ee\x85R.";
    assert_eq!(
        stored(pickle, &[]).unwrap(),
        dict([("a", Value::Int(1)), ("b", Value::Int(2))])
    );
}

/// A pickle of `[2]` floats from the second on, given the sixth part of the storage's description and the last
/// arguments of `_rebuild_tensor_v2`.
fn old_pickle(part: &[u8], rest: &[u8]) -> Vec<u8> {
    let start = b"ctorch._utils\n_rebuild_tensor_v2\n((U\x07storagectorch\nFloatStorage\nU\x010U\x03cpuK\x04";
    [start, part, b"tQK\x01K\x02\x85K\x01\x85\x89", rest, b"tR."].concat()
}

#[test]
fn parts_of_storages_and_flags_of_tensors() {
    let bytes: Vec<u8> = [1f32, 2.0, 3.0, 4.0]
        .into_iter()
        .flat_map(f32::to_le_bytes)
        .collect();
    let read = |part: &[u8], rest: &[u8]| stored(&old_pickle(part, rest), &[&bytes]);
    assert_eq!(read(b"", b"}").unwrap(), floats(&[2], &[2.0, 3.0]));
    assert_eq!(read(b"N", b"}N").unwrap(), floats(&[2], &[2.0, 3.0]));
    assert_eq!(
        read(b"U\x01xK\x01K\x03\x87", b"}}").unwrap(),
        floats(&[2], &[3.0, 4.0])
    );

    let message = read(b"U\x01xK\x01K\x02\x87", b"}").unwrap_err().to_string();
    assert!(message.contains("reaches beyond"), "{message}");
    let message = read(b"U\x01xK\x01K\x04\x87", b"}").unwrap_err().to_string();
    assert!(message.contains("described wrongly"), "{message}");
    let message = read(b"", b"}}U\x03neg\x88s").unwrap_err().to_string();
    assert!(message.contains("negated"), "{message}");
}

#[test]
fn archives_of_other_tools_and_machines() {
    let pickle = tensor_pickle("IntStorage", 2, 0, &[2], &[1]);
    let storage = [1, 2, 3, 4, 5, 6, 7, 8];
    let little = tensor(PthKind::I32, &[2], &[[1, 2, 3, 4], [5, 6, 7, 8]]);
    let big = tensor(PthKind::I32, &[2], &[[4, 3, 2, 1], [8, 7, 6, 5]]);
    for method in [
        zip::CompressionMethod::Stored,
        zip::CompressionMethod::Deflated,
    ] {
        for (byte_order, expected) in [("little", &little), ("big", &big)] {
            let archive = archive(&pickle, &[&storage], byte_order, method);
            assert_eq!(&decode_bytes(&archive).unwrap(), expected);
        }
    }
    let archive = archive(
        &pickle,
        &[&storage],
        "middle",
        zip::CompressionMethod::Stored,
    );
    assert_eq!(
        decode_bytes(&archive).unwrap_err().to_string(),
        "net/byteorder: is neither little nor big"
    );
}

#[test]
fn storages_that_do_not_fit() {
    let pickle = tensor_pickle("FloatStorage", 3, 0, &[2], &[1]);
    assert_eq!(problem(&pickle), "net/data/0: has 8 bytes instead of 12");
    let pickle = tensor_pickle("FloatStorage", 1, 0, &[1], &[1]);
    assert_eq!(problem(&pickle), "net/data/0: has 8 bytes instead of 4");
    assert!(
        stored(&pickle, &[])
            .unwrap_err()
            .to_string()
            .starts_with("net/data/0: ")
    );
    let pickle = tensor_pickle("FloatStorage", -1, 0, &[0], &[1]);
    assert_eq!(
        problem(&pickle),
        "net/data.pkl: a storage is described wrongly"
    );

    let mut damaged = bytes("checkpoint-zip");
    let weights: Vec<u8> = [0.25f32, 0.5, 0.75]
        .iter()
        .flat_map(|number| number.to_le_bytes())
        .collect();
    let at = damaged
        .windows(weights.len())
        .position(|window| window == weights)
        .unwrap();
    damaged[at] ^= 1;
    assert_eq!(
        decode_bytes(&damaged).unwrap_err().to_string(),
        "checkpoint-zip/data/0: Invalid checksum"
    );
}

#[test]
fn tensors_that_do_not_fit_their_storage() {
    const MOST: i64 = i64::MAX;
    for (start, shape, strides) in [
        (0, &[3][..], &[1][..]),
        (1, &[2], &[1]),
        (0, &[2], &[2]),
        (MOST, &[1], &[1]),
        (0, &[MOST], &[MOST]),
        (0, &[MOST, MOST, MOST], &[MOST, MOST, MOST]),
        (2, &[], &[]),
    ] {
        let message = problem(&tensor_pickle("FloatStorage", 2, start, shape, strides));
        assert!(
            message.contains("reaches beyond its storage of 2 elements"),
            "{message}"
        );
    }
    for (start, shape, strides) in [
        (-1, &[1][..], &[1][..]),
        (0, &[-1], &[1]),
        (0, &[1], &[-1]),
        (0, &[1], &[1, 1]),
        (0, &[1; 65], &[1; 65]),
    ] {
        problem(&tensor_pickle("FloatStorage", 2, start, shape, strides));
    }

    // No elements reach nowhere.
    let empty = tensor_pickle("FloatStorage", 2, MOST, &[MOST, 0, MOST], &[MOST, 1, 0]);
    assert_eq!(
        stored(&empty, &[&[0; 8]]).unwrap(),
        floats(&[MOST, 0, MOST], &[])
    );
}

#[test]
fn little_does_not_become_much() {
    let larger = "is larger than it may be: ";
    for shape in [&[1 << 30][..], &[i64::MAX], &[i64::MAX; 3]] {
        let message = problem(&tensor_pickle(
            "FloatStorage",
            2,
            0,
            shape,
            &vec![0; shape.len()],
        ));
        assert!(message.starts_with(larger), "{message}");
    }

    // Deflated zeros.
    let pickle = tensor_pickle("ByteStorage", 64 << 20, 0, &[1], &[1]);
    let zeros = vec![0; 64 << 20];
    let deflated = archive(
        &pickle,
        &[&zeros],
        "little",
        zip::CompressionMethod::Deflated,
    );
    let message = decode_bytes(&deflated).unwrap_err().to_string();
    assert!(message.starts_with("net/data/0: is larger"), "{message}");

    // Each list holds the one before it twice.
    let mut laughs = b"\x80\x02]q\x00".to_vec();
    for level in 0..40 {
        laughs.extend([b']', b'(', b'h', level, b'h', level, b'e', b'q', level + 1]);
    }
    laughs.push(b'.');
    assert!(problem(&laughs).starts_with(larger));

    // A list of itself; lists in lists; more marks and objects than anyone needs.
    assert!(problem(b"\x80\x02]q\x00h\x00a.").starts_with(larger));
    let deep = [&b"]"[..].repeat(100_000), &b"a".repeat(99_999)[..], b"."].concat();
    assert!(problem(&deep).starts_with(larger));
    for opcode in [b"(", b"N", b"]"] {
        assert!(problem(&opcode.repeat(OBJECTS_LIMIT + 1)).starts_with("net/data.pkl: is larger"));
    }

    // Text that says it is longer than the file.
    for text in [
        &b"X\xff\xff\xff\xff"[..],
        b"\x8d\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x8b\xff\xff\xff\xff",
    ] {
        assert_eq!(problem(text), "net/data.pkl: the pickle ends early");
    }
}

#[test]
fn malformed_pickles() {
    for pickle in [
        &b""[..],
        b".",
        b"a.",
        b"]Na",
        b"(\x85.",
        b"]N(.",
        b"]N(0.",
        b"h\x00.",
        b"NNs.",
        b"}(Nu.",
        b"}N]Ns.",
        b"NN\x93.",
        b"NNR.",
        b"]NbN.",
        b"NNb.",
        b"NQ.",
        b"ctorch\nFloatStorage\n.",
        b"ctorch\nSize\n)R.",
        b"ctorch\nSize\nN\x85R.",
        b"ctorch._utils\n_rebuild_parameter\nN\x85R.",
        b"ctorch._utils\n_rebuild_tensor\n(NNNNtR.",
        b"\x8a\x11aaaaaaaaaaaaaaaaa.",
        b"\x8a\x09\x00\x00\x00\x00\x00\x00\x00\x00\x01.",
        b"I1x\n.",
        b"F1x\n.",
        b"X\x01\x00\x00\x00\xff.",
        b"\xff.",
    ] {
        let message = problem(pickle);
        assert!(!message.contains('\n'), "{message}");
    }
    let message = problem(b"\x8c\x03a\nb\x8c\x01c\x93.");
    assert!(
        message.starts_with("net/data.pkl: holds the Python object a\\nb.c, "),
        "{message}"
    );
}

#[test]
fn keys_set_again() {
    let pickle = b"}(U\x01aK\x01U\x01bK\x02U\x01aK\x03u.";
    assert_eq!(
        stored(pickle, &[]).unwrap(),
        dict([("a", Value::Int(3)), ("b", Value::Int(2))])
    );
}
