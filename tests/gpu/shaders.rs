//! What can be said of the shaders without running them.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::process::{Command, Stdio};

use naga::ShaderStage;
use naga::back::PipelineConstants;
use naga::back::pipeline_constants::process_overrides;
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ModuleInfo, ValidationFlags, Validator};

use crate::common::material;

/// A shader with values for its override constants.
struct Shader {
    name: String,
    module: naga::Module,
    info: ModuleInfo,
}

/// Every file of `shaders/`.
fn sources() -> Vec<Shader> {
    let directory = concat!(env!("CARGO_MANIFEST_DIR"), "/shaders");
    let mut shaders = Vec::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let source = std::fs::read_to_string(&path).unwrap();
        let name = path.file_name().unwrap().display().to_string();
        let module = naga::front::wgsl::parse_str(&source)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &name)));
        let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
            .validate(&module)
            .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(&source, &name)));
        shaders.push(Shader { name, module, info });
    }
    assert_eq!(shaders.len(), 6);
    shaders
}

/// The values that an override constant may have.
fn values(constant: &str) -> &'static [f64] {
    match constant {
        "PAIRWISE" | "NARROW" | "CARRY_SAVE" => &[0.0, 1.0],
        "ROWS" => &[16.0, 64.0],
        other => panic!("unknown override constant {other}"),
    }
}

/// A shader in all its wordings.
fn wordings(shader: &Shader) -> Vec<Shader> {
    let mut all = vec![HashMap::new()];
    for (_, constant) in shader.module.overrides.iter() {
        let Some(name) = constant.name.as_ref().filter(|_| constant.init.is_none()) else {
            // It follows from others.
            continue;
        };
        let with = |value: &f64| {
            let mut more: Vec<HashMap<String, f64>> = all.clone();
            more.iter_mut().for_each(|known| {
                known.insert(name.clone(), *value);
            });
            more
        };
        all = values(name).iter().flat_map(with).collect();
    }
    let resolved = all.into_iter().map(|constants| {
        let main = Some((ShaderStage::Compute, "main"));
        let constants: PipelineConstants = constants.into_iter().collect();
        let (module, info) =
            process_overrides(&shader.module, &shader.info, main, &constants).unwrap();
        Shader {
            name: format!("{} {constants:?}", shader.name),
            module: Cow::into_owned(module),
            info: Cow::into_owned(info),
        }
    });
    resolved.collect()
}

#[test]
fn shaders_are_valid_within_default_limits() {
    for Shader { name, module, .. } in sources().iter().flat_map(wordings) {
        let mut layouter = naga::proc::Layouter::default();
        layouter.update(module.to_ctx()).unwrap();
        let variables = || module.global_variables.iter().map(|(_, global)| global);
        let shared: u32 = variables()
            .filter(|global| global.space == naga::AddressSpace::WorkGroup)
            .map(|global| layouter[global.ty].size)
            .sum();
        let storage =
            variables().filter(|global| matches!(global.space, naga::AddressSpace::Storage { .. }));
        let limits = wgpu::Limits::default();
        assert!(
            shared <= limits.max_compute_workgroup_storage_size,
            "{name}"
        );
        assert!(storage.count() <= limits.max_storage_buffers_per_shader_stage as usize);
        for entry in &module.entry_points {
            let size = entry.workgroup_size;
            let invocations: u32 = size.iter().product();
            assert!(invocations <= limits.max_compute_invocations_per_workgroup);
            assert!(size[2] <= limits.max_compute_workgroup_size_z);
        }
    }
}

/// As wgpu writes it for Vulkan.
fn spirv(shader: &Shader, lang_version: (u8, u8), buffer: BoundsCheckPolicy) -> Vec<u32> {
    let options = spv::Options {
        lang_version,
        flags: spv::WriterFlags::empty(),
        bounds_check_policies: BoundsCheckPolicies {
            index: BoundsCheckPolicy::Restrict,
            buffer,
            ..BoundsCheckPolicies::default()
        },
        ..spv::Options::default()
    };
    let main = spv::PipelineOptions {
        shader_stage: ShaderStage::Compute,
        entry_point: "main".to_owned(),
    };
    spv::write_vec(&shader.module, &shader.info, &options, Some(&main)).unwrap()
}

/// Variables with explicit layouts in storage classes for which Vulkan forbids them (VUID-StandaloneSpirv-None-10684),
/// counted by class. Words are those of the SPIR-V specification, section 3.
fn forbidden_layouts(words: &[u32]) -> HashMap<&'static str, usize> {
    const ARRAY_STRIDE: u32 = 6;
    const OFFSET: u32 = 35;
    let mut laid_out = HashSet::new();
    // What a type is made of: arrays of their elements, structs of their members, pointers of what they point to.
    let mut parts: HashMap<u32, Vec<u32>> = HashMap::new();
    let mut found = HashMap::new();
    let mut rest = &words[5..];
    while let Some(&first) = rest.first() {
        let (instruction, after) = rest.split_at((first >> 16) as usize);
        rest = after;
        match (first & 0xffff, &instruction[1..]) {
            // OpDecorate and OpMemberDecorate, which come before all types.
            (71, [id, ARRAY_STRIDE, ..]) | (72, [id, _, OFFSET, ..]) => {
                laid_out.insert(*id);
            }
            // OpTypeArray, OpTypeStruct and OpTypePointer: their parts come before them.
            (28, [id, element, _]) => {
                parts.insert(*id, vec![*element]);
            }
            (30, [id, members @ ..]) => {
                parts.insert(*id, members.to_vec());
            }
            (32, [id, _, pointee]) => {
                parts.insert(*id, vec![*pointee]);
            }
            // OpVariable.
            (59, [pointer, _, class, ..]) => {
                let class = match class {
                    4 => "shared memory",
                    6 => "private",
                    7 => "local",
                    _ => continue,
                };
                let mut open = vec![*pointer];
                let mut is_laid_out = false;
                while let Some(id) = open.pop() {
                    is_laid_out |= laid_out.contains(&id);
                    open.extend(parts.get(&id).into_iter().flatten());
                }
                *found.entry(class).or_insert(0) += usize::from(is_laid_out);
            }
            _ => {}
        }
    }
    found.retain(|_, count| *count > 0);
    found
}

/// wgpu writes layouts wherever a type has one. Only the tiles of `co_zero_counts` cannot do without.
#[test]
fn vulkan_allows_the_layouts_of_variables() {
    for shader in sources().iter().flat_map(wordings) {
        let words = spirv(&shader, (1, 6), BoundsCheckPolicy::Restrict);
        let expected = if shader.name.starts_with("co_zero_counts") {
            HashMap::from([("shared memory", 2)])
        } else {
            HashMap::new()
        };
        assert_eq!(forbidden_layouts(&words), expected, "{}", shader.name);
    }
    // It finds what there is to find.
    let source = "struct S { x: u32, y: u32 }
        @group(0) @binding(0) var<storage, read_write> out: array<u32>;
        @compute @workgroup_size(1) fn main() { var s = S(); s.y = out[0]; out[1] = s.x + s.y; }";
    let module = naga::front::wgsl::parse_str(source).unwrap();
    let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
        .validate(&module)
        .unwrap();
    let name = "a struct".to_owned();
    let words = spirv(
        &Shader { name, module, info },
        (1, 6),
        BoundsCheckPolicy::Restrict,
    );
    assert_eq!(forbidden_layouts(&words), HashMap::from([("local", 1)]));
}

/// The validator of the Khronos group finds nothing, whatever wgpu asks of the writer.
#[test]
fn spirv_is_valid() {
    let is_there = Command::new("spirv-val").arg("--version").output().is_ok();
    if !is_there {
        return material::missing("spirv-val (spirv-tools)").unwrap_or_default();
    }
    let folder = tempfile::tempdir().unwrap();
    for shader in sources().iter().flat_map(wordings) {
        for (minor, environment) in [(3, "vulkan1.1"), (5, "vulkan1.2"), (6, "vulkan1.3")] {
            for buffer in [BoundsCheckPolicy::Restrict, BoundsCheckPolicy::Unchecked] {
                let file = folder.path().join("shader.spv");
                let words = spirv(&shader, (1, minor), buffer);
                std::fs::write(&file, bytemuck::cast_slice(&words)).unwrap();
                let done = Command::new("spirv-val")
                    .args(["--target-env", environment])
                    .arg(&file)
                    .stdin(Stdio::null())
                    .output()
                    .unwrap();
                let says = String::from_utf8_lossy(&done.stdout);
                let says = says + String::from_utf8_lossy(&done.stderr);
                assert!(
                    done.status.success(),
                    "{}, SPIR-V 1.{minor}: {says}",
                    shader.name
                );
            }
        }
    }
}
