//! By a client of another make.
#![cfg(feature = "opcua")]

use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;

use igd_serve::command;
use igd_serve::http::hash_token;
use igd_serve::record::Verdict::{Bad, Good, None as Unknown};
use tempfile::TempDir;

use super::{Line, folder, free_port, run, until};
use crate::common::python;

const CLIENT: &str = "
import asyncio, math, sys
from asyncua import Client, ua
from asyncua.crypto.security_policies import SecurityPolicyBasic256Sha256
async def refused(what, *codes):
    try:
        await what
    except ua.UaStatusCodeError as error:
        assert error.code in codes, error
    else:
        raise AssertionError('not refused')
async def find(client):
    space = await client.get_namespace_index('urn:gst-igd:line')
    return lambda name: client.get_node(f'ns={space};s={name}')
async def values(node, camera, *names):
    return [await node(f'{camera}.{name}').read_value() for name in names]
url = 'opc.tcp://127.0.0.1:' + sys.argv[1]
";

/// Runs the body of an asynchronous function with asyncua and what [`CLIENT`] defines. False: it is not to be had.
fn asyncua(port: u16, body: &str) -> bool {
    let Some(package) = python::package("asyncua", "2.1.0") else {
        return false;
    };
    let body = body.trim().replace('\n', "\n    ");
    let script = format!("{CLIENT}\nasync def test():\n    {body}\nasyncio.run(test())\n");
    run(Command::new("python3")
        .args(["-c", &script, &port.to_string()])
        .env("PYTHONPATH", package));
    true
}

fn start(rest: &str) -> (TempDir, Line, u16) {
    let folder = folder();
    let port = free_port();
    let line = Line::start(
        folder.path(),
        &format!("[outputs.opcua]\nlisten = \"127.0.0.1:{port}\"\n{rest}"),
    );
    (folder, line, port)
}

#[test]
fn a_client_of_another_make_reads_and_writes_all() {
    let (_folder, mut line, port) = start("anonymous = true\n");
    let ran = asyncua(
        port,
        "
async with Client(url) as client:
    node = await find(client)
    names = 'Seq', 'Id', 'Verdict', 'VerdictCode', 'Good', 'Bad', 'NoVerdict', 'Recipe'
    assert await values(node, 'left', *names) == [0, '', '', 0, 0, 0, 0, 'nut']
    line = await client.nodes.objects.get_child(f'{node(\"left\").nodeid.NamespaceIndex}:hall')
    cameras = [(await camera.read_browse_name()).Name for camera in await line.get_children()]
    assert cameras == ['left', 'right'], cameras
    variables = await (await line.get_children())[0].get_children()
    assert len(variables) == 12, variables
",
    );
    if !ran {
        return;
    }
    line.add("left", &[Good, Good, Bad]);
    let last = line.add("right", &[Unknown]).pop().unwrap();
    line.outputs().recipe("right", "bolt");
    let shown = format!(
        "
async with Client(url) as client:
    node = await find(client)
    names = 'Seq', 'Verdict', 'VerdictCode', 'Score', 'Normalized', 'Good', 'Bad', 'NoVerdict', 'Recipe'
    left = [{left}, 'bad', 2, 1.25, .625, 2, 1, 0, 'nut']
    assert await values(node, 'left', *names) == left
    right = [{right}, 'none', 3, 1.25, .625, 0, 0, 1, 'bolt']
    assert await values(node, 'right', *names[:8]) == right[:8]
    assert await values(node, 'right', 'Id') == ['{id}']
    seq, verdict = [await node(f'left.{{name}}').read_data_value() for name in ('Seq', 'Verdict')]
    assert seq.SourceTimestamp == verdict.SourceTimestamp == await node('left.Time').read_value()
",
        left = last.seq - 1,
        right = last.seq,
        id = last.record.id,
    );
    asyncua(port, &shown);

    // As it was before: the parts are those of the store.
    line.stop();
    until("it can listen again", || match line.try_outputs() {
        Ok(outputs) => {
            line.outputs = Some(outputs);
            true
        }
        Err(_) => false,
    });
    asyncua(
        port,
        &shown
            .replace("'NoVerdict', 'Recipe'\n", "'NoVerdict'\n")
            .replace(", 'nut']", "]"),
    );

    asyncua(
        port,
        "
async with Client(url) as client:
    node = await find(client)
    codes = ua.StatusCodes
    await node('left.Trigger').write_value(True)
    await node('left.Trigger').write_value(False)
    assert await values(node, 'left', 'Trigger') == [False]
    await node('right.Recipe').write_value('bolt')
    await refused(node('right.Recipe').write_value('screw'), codes.BadOutOfRange)
    await refused(node('right.Recipe').write_value(7), codes.BadTypeMismatch)
    await refused(node('right.Trigger').write_value(True), codes.BadInvalidState)
    for name, value in ('Verdict', 'good'), ('Good', 7), ('Seq', 7):
        await refused(node(f'left.{name}').write_value(value), codes.BadNotWritable, codes.BadUserAccessDenied)
    _, [deleted] = await client.delete_nodes([node('left.Verdict')])
    assert deleted.value == codes.BadUserAccessDenied, deleted
    await refused(node('left').add_variable(node('left').nodeid.NamespaceIndex, 'Mine', 7), codes.BadUserAccessDenied)
    await refused(
        node('left').write_attribute(ua.AttributeIds.DisplayName, ua.DataValue(ua.LocalizedText('Mine'))),
        codes.BadUserAccessDenied, codes.BadNotWritable,
    )
",
    );
    let expected = [
        command::Command::Trigger {
            camera: "left".into(),
        },
        command::Command::Recipe {
            camera: "right".into(),
            recipe: "bolt".into(),
        },
    ];
    assert_eq!(*line.told.lock().unwrap(), expected);
}

/// Who has subscribed is told of the newest part, beside others who say nothing.
#[test]
fn whoever_subscribes_is_told() {
    let (folder, line, port) = start("anonymous = true\n");
    let mut silent: Vec<_> = (0..5)
        .map(|_| TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    silent[0].write_all(b"HELF").unwrap();
    silent[1].write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    let ready = folder.path().join("ready");
    let told = std::thread::scope(|scope| {
        let script = format!(
            "
heard = asyncio.Event()
class Handler:
    def datachange_notification(self, node, value, data):
        if value == 3:
            heard.set()
async with Client(url) as client:
    node = await find(client)
    subscription = await client.create_subscription(50, Handler())
    await subscription.subscribe_data_change(node('left.Seq'))
    open('{}', 'w').close()
    await asyncio.wait_for(heard.wait(), 60)
",
            ready.display()
        );
        let client = scope.spawn(move || asyncua(port, &script));
        until("it has subscribed", || {
            ready.exists() || client.is_finished()
        });
        line.add("left", &[Good, Bad, Good]);
        until("it is known", || {
            line.status("opcua").connected || client.is_finished()
        });
        client.join().unwrap()
    });
    if told {
        until("it is known that it has gone", || {
            !line.status("opcua").connected
        });
    }
    drop(silent);
}

/// `NAME.pem` with what OPC UA wants in it, and `NAME-key.pem`.
fn certificate(folder: &Path, name: &str) {
    fs::write(
        folder.join("opcua.cnf"),
        "[req]\ndistinguished_name=name\nx509_extensions=extensions\n[name]\n[extensions]\n\
         subjectAltName=URI:urn:gst-igd:line,DNS:localhost,IP:127.0.0.1\n\
         keyUsage=digitalSignature,nonRepudiation,keyEncipherment,dataEncipherment\n\
         extendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=CA:FALSE\n",
    )
    .unwrap();
    let line = format!(
        "req -x509 -newkey rsa:2048 -nodes -keyout {name}-key.pem -out {name}.pem -days 2 -subj /CN={name} -config opcua.cnf"
    );
    run(Command::new("openssl")
        .args(line.split_whitespace())
        .current_dir(folder));
}

#[test]
fn names_and_tokens_are_asked_for_and_encrypted() {
    let folder = folder();
    let port = free_port();
    certificate(folder.path(), "server");
    certificate(folder.path(), "client");
    let token = |name: &str, role: &str| {
        let hash = hash_token(name);
        format!("[[server.tokens]]\nname = \"{name}\"\nrole = \"{role}\"\nhash = \"{hash}\"\n")
    };
    let (plc, screen) = (token("plc", "operate"), token("screen", "read"));
    let line = Line::start(
        folder.path(),
        &format!(
            "[outputs.opcua]\nlisten = \"127.0.0.1:{port}\"\n\
             tls = {{ certificate = \"server.pem\", key = \"server-key.pem\" }}\n{plc}{screen}"
        ),
    );
    asyncua(
        port,
        &format!(
            "
def client(user=None, password=None):
    client = Client(url)
    if user:
        client.set_user(user)
        client.set_password(password)
    return client
async def signed(user, password):
    encrypted = client(user, password)
    await encrypted.set_security(
        SecurityPolicyBasic256Sha256, certificate='{folder}/client.pem', private_key='{folder}/client-key.pem',
    )
    encrypted.application_uri = 'urn:gst-igd:line'
    return encrypted
async def read(client):
    async with client:
        return await values(await find(client), 'left', 'Recipe')
codes = ua.StatusCodes
denied = codes.BadUserAccessDenied, codes.BadIdentityTokenInvalid, codes.BadIdentityTokenRejected
assert await read(await signed('plc', 'plc')) == ['nut']
await refused(read(await signed('plc', 'guess')), *denied)
# What can be written takes another role than `read`.
await refused(read(await signed('screen', 'screen')), *denied)
await refused(read(client()), *denied)
",
            folder = folder.path().display()
        ),
    );
    assert!(line.told.lock().unwrap().is_empty());
}

#[test]
fn what_cannot_be_is_told_at_once() {
    let (folder, _line, port) = start("anonymous = true\n");
    let second = |rest: &str| {
        let text = format!("[outputs.opcua]\nlisten = \"127.0.0.1:{port}\"\n{rest}");
        let line = Line::open(&folder.path().join("second"), &text);
        line.try_outputs().err().unwrap()
    };
    let taken = second("anonymous = true\n");
    assert!(taken.contains("[outputs.opcua] listen"), "{taken}");
}
