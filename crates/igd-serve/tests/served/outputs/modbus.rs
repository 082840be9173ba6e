use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use igd_serve::command;
use igd_serve::record::Verdict::{Bad, Good, None as Unknown};
use tempfile::TempDir;

use super::{Line, folder, free_port, run, until};
use crate::common::python;

fn start() -> (TempDir, Line, u16) {
    let folder = folder();
    let port = free_port();
    let line = Line::start(
        folder.path(),
        &format!("[outputs.modbus]\nlisten = \"127.0.0.1:{port}\"\n"),
    );
    (folder, line, port)
}

const CLIENT: &str = "
import sys, time
from pymodbus.client import ModbusTcpClient
client = ModbusTcpClient('127.0.0.1', port=int(sys.argv[1]))
assert client.connect()
def good(answer):
    assert not answer.isError(), answer
    return answer
def refused(answer, code):
    assert answer.isError() and answer.exception_code == code, answer
";

/// Runs a script with pymodbus and what [`CLIENT`] defines. False: it is not to be had.
fn pymodbus(port: u16, script: &str) -> bool {
    let Some(package) = python::package("pymodbus", "3.16.1") else {
        return false;
    };
    run(Command::new("python3")
        .args(["-c", &format!("{CLIENT}{script}"), &port.to_string()])
        .env("PYTHONPATH", package));
    true
}

#[test]
fn a_client_of_another_make_reads_and_writes_all() {
    let (_folder, line, port) = start();
    let ran = pymodbus(
        port,
        "
words = good(client.read_input_registers(0, count=32)).registers
assert words[0:4] == [0, 0, 0, 0] and words[5] == 2 and words[16:20] == [0, 0, 0, 0], words
assert good(client.read_discrete_inputs(0, count=16)).bits[:16] == [False] * 16
assert good(client.read_holding_registers(0, count=2)).registers == [2, 2]
",
    );
    if !ran {
        return;
    }
    line.add("left", &[Good, Bad]);
    let last = line.add("right", &[Unknown]).pop().unwrap();
    line.outputs().recipe("right", "bolt");
    pymodbus(
        port,
        &format!(
            "
words = good(client.read_input_registers(0, count=32)).registers
assert words[0:4] == [{left}, 2, 1250, 625] and words[5:7] == [2, 0], words
assert words[16:20] == [{right}, 3, 1250, 625] and words[21:23] == [1, 0], words
assert words[7:16] == [0] * 9, words
# A part of a block.
assert good(client.read_input_registers(17, count=2)).registers == [3, 1250]
bits = good(client.read_discrete_inputs(0, count=16)).bits[:16]
assert [at for at, bit in enumerate(bits) if bit] == [1, 10], bits
assert good(client.read_holding_registers(0, count=2)).registers == [2, 1]
assert good(client.read_coils(0, count=2)).bits[:2] == [False, False]
beat = words[4]
until = time.monotonic() + 60
while good(client.read_input_registers(4)).registers[0] == beat:
    assert time.monotonic() < until, 'no heartbeat'
    time.sleep(0.05)

good(client.write_coil(0, True))
good(client.write_coil(0, False))
assert good(client.read_coils(0)).bits[0] == False
good(client.write_coils(0, [True, False]))
refused(client.write_coil(1, True), 6)
good(client.write_register(1, 2))
good(client.write_registers(0, [1, 1]))
refused(client.write_register(0, 0), 3)
refused(client.write_register(0, 3), 3)

refused(client.read_input_registers(32), 2)
refused(client.read_input_registers(31, count=2), 2)
refused(client.read_input_registers(65535, count=10), 2)
refused(client.read_discrete_inputs(16), 2)
refused(client.read_coils(2), 2)
refused(client.write_coil(2, True), 2)
refused(client.read_holding_registers(1, count=2), 2)
refused(client.write_registers(1, [1, 1]), 2)
refused(client.mask_write_register(address=0, and_mask=1, or_mask=1), 1)
refused(client.readwrite_registers(read_address=0, read_count=1, write_address=0, values=[1]), 1)
",
            left = last.seq - 1,
            right = last.seq,
        ),
    );
    let trigger = || command::Command::Trigger {
        camera: "left".into(),
    };
    let recipe = |camera: &str, recipe: &str| command::Command::Recipe {
        camera: camera.into(),
        recipe: recipe.into(),
    };
    let expected = [
        trigger(),
        trigger(),
        recipe("right", "nut"),
        recipe("left", "bolt"),
        recipe("right", "bolt"),
    ];
    assert_eq!(*line.told.lock().unwrap(), expected);
}

#[test]
fn a_recipe_that_was_chosen_is_shown_from_the_start() {
    let folder = folder();
    let port = free_port();
    let config = format!("[outputs.modbus]\nlisten = \"127.0.0.1:{port}\"\n");
    let mut line = Line::open(folder.path(), &config);
    line.store.choose_recipe("left", "bolt").unwrap();
    line.store.choose_recipe("right", "screw").unwrap();
    line.outputs = Some(line.try_outputs().unwrap());
    // The configuration has no `screw`.
    let recipes = ask(&mut connect(port), &[3, 0, 0, 0, 2]);
    assert_eq!(recipes, [3, 4, 0, 1, 0, 2]);
}

/// A request after its head of transaction, protocol, length and unit; returns the answer after its.
fn ask(client: &mut TcpStream, request: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x12, 0x34, 0, 0, 0, request.len() as u8 + 1, 7];
    bytes.extend(request);
    client.write_all(&bytes).unwrap();
    let mut head = [0; 7];
    client.read_exact(&mut head).unwrap();
    assert_eq!((&head[..4], head[6]), (&[0x12, 0x34, 0, 0][..], 7));
    let mut answer = vec![0; usize::from(head[5]) - 1];
    client.read_exact(&mut answer).unwrap();
    answer
}

fn connect(port: u16) -> TcpStream {
    let client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(60)))
        .unwrap();
    client
}

#[test]
fn bytes_are_those_of_the_specification() {
    let (_folder, line, port) = start();
    let mut client = connect(port);
    let part = line.add("left", &[Bad]).pop().unwrap();
    let answer = ask(&mut client, &[4, 0, 0, 0, 4]);
    assert_eq!(
        answer,
        [4, 8, 0, part.seq as u8, 0, 2, 0x04, 0xe2, 0x02, 0x71]
    );
    assert_eq!(ask(&mut client, &[2, 0, 0, 0, 8]), [2, 1, 0b10]);
    assert_eq!(ask(&mut client, &[5, 0, 0, 0xff, 0]), [5, 0, 0, 0xff, 0]);
    assert_eq!(ask(&mut client, &[1, 0, 0, 0, 2]), [1, 1, 0]);
    assert_eq!(ask(&mut client, &[6, 0, 1, 0, 1]), [6, 0, 1, 0, 1]);
    // Nothing, too much, beyond the end, and what there is not.
    assert_eq!(ask(&mut client, &[4, 0, 0, 0, 0]), [0x84, 3]);
    assert_eq!(ask(&mut client, &[4, 0, 0, 0, 126]), [0x84, 3]);
    assert_eq!(ask(&mut client, &[4, 0, 32, 0, 1]), [0x84, 2]);
    assert_eq!(ask(&mut client, &[17]), [0x91, 1]);
    assert_eq!(ask(&mut client, &[99, 1, 2, 3]), [0xe3, 1]);
    assert_eq!(line.told.lock().unwrap().len(), 2);
    assert!(line.status("modbus").connected);
}

#[test]
fn a_part_is_shown_as_soon_as_it_is_told_and_after_a_restart() {
    let (_folder, mut line, port) = start();
    let mut client = connect(port);
    for _ in 0..50 {
        let part = line.add("right", &[Good]).pop().unwrap();
        assert_eq!(
            ask(&mut client, &[4, 0, 16, 0, 2]),
            [4, 4, (part.seq >> 8) as u8, part.seq as u8, 0, 1]
        );
    }
    let before = ask(&mut client, &[4, 0, 16, 0, 4]);
    line.stop();
    until("it can listen again", || match line.try_outputs() {
        Ok(outputs) => {
            line.outputs = Some(outputs);
            true
        }
        Err(error) => {
            assert!(error.contains("[outputs.modbus]"), "{error}");
            false
        }
    });
    assert_eq!(ask(&mut connect(port), &[4, 0, 16, 0, 4]), before);
}

#[test]
fn many_clients_and_odd_ones_are_borne() {
    let (_folder, line, port) = start();
    // Some say nothing, one is cut off in the middle, one speaks HTTP.
    let mut silent: Vec<_> = (0..30).map(|_| connect(port)).collect();
    let mut half = connect(port);
    half.write_all(&[0, 1, 0, 0, 0, 6]).unwrap();
    let mut client = connect(port);
    assert_eq!(ask(&mut client, &[1, 0, 0, 0, 1]), [1, 1, 0]);
    let is_served = |client: &mut TcpStream| {
        let sent = client.write_all(&[0, 1, 0, 0, 0, 6, 1, 1, 0, 0, 0, 1]);
        sent.is_ok() && matches!(client.read(&mut [0; 16]), Ok(count) if count > 0)
    };
    assert!(!is_served(&mut connect(port)), "there is room for one more");
    assert!(
        line.status("modbus")
            .error
            .is_some_and(|error| error.contains("turned away"))
    );
    drop(silent.split_off(10));
    drop(half);
    until("there is room again", || is_served(&mut connect(port)));
    let mut http = connect(port);
    http.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    assert_eq!(ask(&mut client, &[1, 0, 0, 0, 1]), [1, 1, 0]);
    drop(silent);
}

#[test]
fn an_address_that_is_taken_is_told_at_once() {
    let (folder, line, port) = start();
    let second = Line::open(
        &folder.path().join("second"),
        &format!("[outputs.modbus]\nlisten = \"127.0.0.1:{port}\""),
    );
    let error = second.try_outputs().err().unwrap();
    assert!(
        error.contains("[outputs.modbus] listen") && error.contains(&port.to_string()),
        "{error}"
    );
    assert!(line.outputs().status()[0].error.is_none());
}
