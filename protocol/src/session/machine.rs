//! What a machine is: from the model to the wire and back.

use std::borrow::Cow;

use crate::limits::{CORES_MAX, CPU_MODELS_MAX};
use crate::model::{CpuModel, LogicalCpu, Machine, Uname};
use crate::reject::Rejection;
use crate::wire::client;

use super::decode::{fact, out_of_range};
use super::encode::acceptable;

/// The wire's form, with these of its CPUs. Kinds beyond the limit are left out.
pub(super) fn encoded<'a>(machine: &'a Machine, cpus: &[LogicalCpu]) -> client::Machine<'a> {
    let uname = &machine.uname;
    client::Machine {
        sysname: text(&uname.sysname),
        nodename: text(&uname.nodename),
        release: text(&uname.release),
        version: text(&uname.version),
        machine: text(&uname.machine),
        domainname: text(&uname.domainname),
        models: machine.models.iter().take(CPU_MODELS_MAX).map(encoded_model).collect(),
        cpus: cpus
            .iter()
            .map(|cpu| client::LogicalCpu {
                cpu: cpu.cpu,
                package: cpu.package,
                core: cpu.core,
                model: cpu.model,
            })
            .collect(),
    }
}

fn encoded_model(model: &CpuModel) -> client::CpuModel<'_> {
    client::CpuModel {
        vendor: text(&model.vendor),
        family: text(&model.family),
        model: text(&model.model),
        model_name: text(&model.model_name),
        stepping: text(&model.stepping),
        microcode: text(&model.microcode),
        cache_size: text(&model.cache_size),
    }
}

fn text(fact: &Option<Box<str>>) -> Option<Cow<'_, str>> {
    fact.as_deref().map(acceptable)
}

/// The model's form, each text and number checked.
pub(super) fn decoded(wire: client::Machine<'_>) -> Result<Machine, Rejection> {
    if wire.models.len() > CPU_MODELS_MAX {
        return Err(out_of_range("the number of machine.models", "at most 8"));
    }
    if wire.cpus.len() > CORES_MAX {
        return Err(out_of_range("the number of machine.cpus", "at most 1024"));
    }
    Ok(Machine {
        uname: Uname {
            sysname: fact("machine.sysname", wire.sysname)?,
            nodename: fact("machine.nodename", wire.nodename)?,
            release: fact("machine.release", wire.release)?,
            version: fact("machine.version", wire.version)?,
            machine: fact("machine.machine", wire.machine)?,
            domainname: fact("machine.domainname", wire.domainname)?,
        },
        models: wire.models.into_iter().map(decoded_model).collect::<Result<_, _>>()?,
        cpus: wire
            .cpus
            .into_iter()
            .map(|cpu| LogicalCpu { cpu: cpu.cpu, package: cpu.package, core: cpu.core, model: cpu.model })
            .collect(),
    })
}

fn decoded_model(wire: client::CpuModel<'_>) -> Result<CpuModel, Rejection> {
    Ok(CpuModel {
        vendor: fact("machine.models.vendor", wire.vendor)?,
        family: fact("machine.models.family", wire.family)?,
        model: fact("machine.models.model", wire.model)?,
        model_name: fact("machine.models.model_name", wire.model_name)?,
        stepping: fact("machine.models.stepping", wire.stepping)?,
        microcode: fact("machine.models.microcode", wire.microcode)?,
        cache_size: fact("machine.models.cache_size", wire.cache_size)?,
    })
}
