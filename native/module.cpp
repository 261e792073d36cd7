// detbench._native: the module; each bind_*.cpp adds its functions.
#include "bindings.hpp"

NB_MODULE(_native, module) {
    module.doc() =
        "detbench's native part: from files to scores, matching, resampling, IoU, NMS. Every function has a NumPy twin.";
    detbench::bindings::bind_errors(module);
    detbench::bindings::bind_matching(module);
    detbench::bindings::bind_nms(module);
    detbench::bindings::bind_ordering(module);
    detbench::bindings::bind_resampling(module);
    detbench::bindings::bind_scores(module);
    detbench::bindings::bind_scan(module);
    detbench::bindings::bind_roi_pooling(module);
    detbench::bindings::bind_iou(module);
    detbench::bindings::bind_memory(module);
}
