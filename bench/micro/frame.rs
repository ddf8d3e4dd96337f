//! A sample frame: written, found in the stream, understood, answered.

use cpumon_load::machine::Machine;
use cpumon_protocol::framing::Framer;
use cpumon_protocol::limits::FRAME_MAX;
use cpumon_protocol::model::Moment;
use cpumon_protocol::session::exporter::acknowledge;
use divan::{Bencher, black_box};

use super::conversation;

#[divan::bench]
fn encode(bencher: Bencher<'_, '_>) {
    let conversation = conversation();
    let sample = Machine::new(1).sample(Moment(0));
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        conversation.agent.sample(black_box(17), black_box(&sample), &mut out);
        out.len()
    });
}

#[divan::bench]
fn find_end(bencher: Bencher<'_, '_>) {
    let frame = conversation().sample(17);
    let mut framer = Framer::default();
    bencher.bench_local(|| {
        let mut input = black_box(&frame[..]);
        framer.next(&mut input, FRAME_MAX).map(|object| object.map(<[u8]>::len))
    });
}

#[divan::bench]
fn parse(bencher: Bencher<'_, '_>) {
    let mut conversation = conversation();
    let frame = conversation.sample(17);
    bencher.bench_local(|| {
        let mut input = black_box(&frame[..]);
        conversation.exporter.receive(&mut input).is_ok()
    });
}

#[divan::bench]
fn ack(bencher: Bencher<'_, '_>) {
    let mut out = Vec::new();
    bencher.bench_local(|| {
        out.clear();
        acknowledge(black_box(123_456), false, &mut out);
        out.len()
    });
}
