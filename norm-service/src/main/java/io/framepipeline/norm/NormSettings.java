package io.framepipeline.norm;

import io.framepipeline.common.service.Settings;

/**
 * The settings of the norm service.
 *
 * @param print {@code NORM_PRINT}
 */
record NormSettings(Print print) {
  /** Which norms are printed on standard output. */
  enum Print {
    NONE,
    ALL
  }

  static NormSettings read(Settings settings) {
    return new NormSettings(settings.choice("NORM_PRINT", Print.NONE));
  }
}
