//! Is Vulkan used as it is to be used? Its validation layer watches over a whole run.

use ftperm::compute::gpu::list_adapters;

use crate::common::material;
use crate::common::program::Case;

const LAYER: &str = "VK_LAYER_KHRONOS_validation";

/// No misuse and no hazard, by the layer of the Khronos group with its checks of synchronisation.
#[cfg(target_os = "linux")]
#[test]
fn the_validation_layer_finds_nothing() {
    let vulkan = |adapter: &ftperm::compute::gpu::AdapterDescription| adapter.backend == "vulkan";
    let adapters = list_adapters();
    let Some(adapter) = adapters.iter().find(|adapter| vulkan(adapter)) else {
        return material::missing("a Vulkan adapter").unwrap_or_default();
    };
    let manifest = "/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json";
    if !std::path::Path::new(manifest).exists() {
        return material::missing("vulkan-validationlayers").unwrap_or_default();
    }
    let folder = tempfile::tempdir().unwrap();
    let done = Case::new("optimize")
        .net("demo")
        .data("selfplay")
        .args(["--count", "1000", "--effort", "quick"])
        .args(["--backend", "gpu", "--adapter", &adapter.index.to_string()])
        .option("--out", folder.path().join("out.nnue"))
        .env("VK_INSTANCE_LAYERS", LAYER)
        .env(
            "VK_LAYER_ENABLES",
            "VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT",
        )
        .env("VK_LOADER_DEBUG", "layer")
        .ok();
    let says = format!("{}{}", done.stdout, done.stderr);
    // It was there, and had nothing to say.
    let inserted = format!("Inserted device layer \"{LAYER}\"");
    assert!(says.contains(&inserted), "{says}");
    for word in ["VUID", "SYNC-HAZARD", "Validation Error", "UNASSIGNED"] {
        assert!(!says.contains(word), "{word}: {says}");
    }
}
