"""Settings of stare; nod and offset share them."""

from typing import ClassVar, Literal

from pydantic import Field

from soxslib.config.settings import StepSettings


class Settings(StepSettings):
    """How sky and sources are separated and the target is extracted."""

    revision: ClassVar[int] = 22

    half_slit_arcsec: float = Field(
        5.8, gt=1, lt=8, description="Pixels farther than this from the slit's centre are not used [arcsec]"
    )
    seeing_arcsec: float = Field(1.0, gt=0.2, lt=5, description="Seeing when the header has none [arcsec]")

    slit_position_arcsec: float | None = Field(
        None, gt=-6, lt=6, description="Forced position of the target along the slit [arcsec]; null: found in the data"
    )
    search_arcsec: float = Field(
        3.0, gt=0.2, le=6, description="The target is looked for this far from where it was pointed to [arcsec]"
    )
    detection_sigma: float = Field(5.0, gt=2, description="Significance from which light along the slit is a source")
    detection_fraction: float = Field(
        0.02, ge=0, lt=1, description="Significance of a further source, relative to the brightest"
    )
    most_sources: int = Field(3, ge=1, le=5, description="Number of sources extracted at most, the target first")

    trace_blocks: int = Field(
        32, ge=4, le=200, description="Blocks of columns in which a source's position is measured, per order"
    )
    trace_sigma: float = Field(5.0, gt=1, description="Significance from which a block's position is used")
    trace_shift_arcsec: float = Field(
        0.8, gt=0.1, lt=3, description="Farthest a source may stray from its mean position [arcsec]"
    )
    trace_degree: int = Field(3, ge=0, le=6, description="Degree of the trace common to all orders, in wavelength")
    trace_prior_arcsec: list[float] = Field(
        [0.3, 0.1, 0.05, 0.03, 0.03, 0.02, 0.02, 0.02],
        min_length=1,
        max_length=10,
        description="Expected offset, slope, curvature and so on of an order's own trace about the common one [arcsec]",
    )

    profile_step_arcsec: float = Field(
        0.25, gt=0.05, lt=1, description="Distance of the knots of the slit profile [arcsec]"
    )
    profile_half_width_arcsec: float = Field(6.0, gt=1, lt=12, description="The slit profile is zero beyond [arcsec]")
    profile_tolerance: float = Field(
        0.1, gt=0, le=1, description="Expected deviation of the profile from a Moffat shape, of its peak"
    )
    profile_stretch: float = Field(
        0.05,
        gt=0,
        le=0.5,
        description="Expected departure of the profile's widths from the seeing's law, of all orders alike",
    )
    profile_stretch_own: float = Field(
        0.01, gt=0, le=0.5, description="... of a single order from the line through all of them"
    )
    rounds: int = Field(2, ge=1, le=6, description="Rounds of position, profile and fit")
    extended_least: float = Field(
        0.02, gt=0, le=1, description="Peak of extended light over the target's from which it is fitted with the target"
    )
    extended_least_wings: float = Field(
        0.12, gt=0, le=1, description="... where it stands on a source and is narrow, as its own wings are"
    )
    subtract_extended: bool = Field(
        True,
        description="Extended light beneath a source is subtracted from it; false: it stays in the source's counts",
    )
    extended_light_error: float = Field(
        0.01, gt=0, le=0.2, description="Accuracy of a point source's shape when extended light is looked for"
    )
    extended_gain: float = Field(
        3.0, gt=1, description="Factor by which extended light must lessen the misfit along the slit"
    )
    extended_smooth_px: float = Field(
        60.0,
        gt=2,
        le=500,
        description="Between its lines, structure of extended light's spectrum shorter than this is noise [px]",
    )
    extended_line_sigma: float = Field(
        5.0, gt=2, description="Curvature of extended light's spectrum from which it is a line, and left free [sigma]"
    )
    extended_step_arcsec: float = Field(0.14, gt=0.05, le=0.5, description="Step of its profile [arcsec]")
    sky_smooth_px: float = Field(
        6.0, gt=0, lt=50, description="Between sky lines, structure of the sky shorter than this is noise [px]"
    )
    sky_between: float = Field(
        0.0,
        ge=0,
        le=2,
        description="What splines half-way between pixels may add to a sky line, as part of its curvature: for lines of 2 px.",
    )
    sky_line_sigma: float = Field(
        3.0, gt=1, description="Curvature of the sky from which it is a line, and left free [sigma]"
    )
    map_bend_px: float = Field(
        0.02,
        gt=0,
        lt=1,
        description="Expected error of the wavelength map along the slit, which the sky's lines tell [px]",
    )
    slit_light_prior: tuple[float, float, float, float] = Field(
        (0.02, 0.02, 0.05, 0.05),
        description="Expected slope and bow of the sky along the slit against the flat, shift of the slit's image "
        "[half slits], and loss at its ends",
    )
    slit_light_under: float = Field(
        0.01,
        gt=0,
        lt=1,
        description="Expected error of the illumination under a source, which the sky's lines in its counts tell",
    )
    slit_light_lines_px: int = Field(
        61,
        gt=4,
        le=500,
        description="What is smoother along the sky than this is not read where extended light is [px]",
    )
    slit_light_source: float = Field(
        0.02, gt=0, description="Pixels with more light of a source, relative to the sky, tell nothing of it"
    )
    boxcar_fwhm: float = Field(
        1.5, gt=0.3, lt=5, description="Half width of the boxcar's aperture, in FWHM of the profile"
    )

    reject_sigma: float = Field(5.0, gt=3, description="A pixel this far above the model is a cosmic ray")
    grow_sigma: float = Field(
        3.0, gt=1, description="A neighbour of a cosmic ray this far above the model is part of it"
    )
    least_throughput: float = Field(
        0.1,
        ge=0,
        lt=1,
        description="An exposure with less of the target's light than this is left out, as part of the brightest's",
    )
    others_scale_error: float = Field(
        0.1,
        gt=0,
        lt=1,
        description="What level exposures of a source may differ by when one's cosmic rays are looked for",
    )
    others_shift_px: float = Field(
        0.15, gt=0, le=2, description="... and what wavelength they may differ by, unbinned [px]"
    )
    model_error: float = Field(
        0.02, ge=0, lt=0.5, description="Fraction of the model that the test for cosmic rays does not trust"
    )
    sky_error: float = Field(
        0.005,
        ge=0,
        lt=0.5,
        description="... of the sky in it, at least: its bright lines tell how much more, up to `model_error`",
    )
    sharpest_px: float = Field(
        0.75,
        ge=0,
        lt=5,
        description="Gaussian sigma of the sharpest line that the optics make, in unbinned pixels: what is much sharper along "
        "the dispersion is a cosmic ray, whatever the model; 0: none is",
    )
    reject_rounds: int = Field(8, ge=1, le=30, description="Rounds of fit and rejection")
    least_coverage: float = Field(
        0.5, gt=0, lt=1, description="A sample is flagged when good pixels saw less of the profile than this"
    )

    subtract_background: bool = Field(True, description="Subtract scattered light measured between the orders")
    flexure: bool = Field(True, description="Measure and apply the shift of the orders since the arc")

    wavelength_medium: Literal["air", "vacuum"] = Field(
        "air", description="Medium of the wavelengths of merged spectra"
    )
    wavelength_frame: Literal["observer", "barycentre"] = Field(
        "observer", description="Rest frame of the wavelengths of merged spectra"
    )
    merge_step_nm: float = Field(0.02, gt=0.001, lt=10, description="Bin of the merged spectrum [nm]")
    merge_taper: float = Field(
        0.05, ge=0, lt=0.5, description="Part of an order over which its weight falls to zero at both ends"
    )
    merge_smooth_px: int = Field(101, ge=3, description="Length over which the weights of merging are smoothed [px]")
    rectified_step_arcsec: float = Field(
        0.28, gt=0.05, lt=2, description="Bin along the slit of the rectified image [arcsec]"
    )
